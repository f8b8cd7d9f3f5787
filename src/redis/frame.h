/* SPDX-License-Identifier: MIT */
/*
 * The framer: follows the outline of one RESP2 reply over its bytes, without keeping any of them.
 *
 * It finds where a reply ends, refuses what is no RESP2 before a parser sees it, and holds the
 * caps: a reply past one is marked `over` as soon as that is known, long before its bytes are here,
 * and can then be skipped to its end in constant memory. A zeroed struct frame is ready.
 */
#ifndef CW_REDIS_FRAME_H
#define CW_REDIS_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FRAME_MAX_DEPTH = 8, FRAME_MAX_ELEMENTS = 1000000, FRAME_MAX_BYTES = 64 << 20 };

enum frame_state {
	FRAME_TYPE,   /* the first byte of a value */
	FRAME_NUMBER, /* digits of an integer or a length */
	FRAME_TEXT,   /* a status or error line */
	FRAME_LF,     /* the end of such a line */
	FRAME_BODY,   /* the bytes of a string */
	FRAME_BODY_CR,
	FRAME_BODY_LF,
};

struct frame {
	enum frame_state state;
	char type;
	bool negative;
	bool over;
	uint8_t digits;
	uint64_t number; /* the integer or length read so far; in a body: what is left of it */
	uint64_t values; /* values that are still to come; 0 before the first byte */
	uint64_t elements, bytes;
	unsigned depth;
	uint64_t left[FRAME_MAX_DEPTH]; /* elements still to come, by level */
};

enum frame_verdict { FRAME_MORE, FRAME_DONE, FRAME_BAD };

/*
 * Goes on with the next bytes, at most to the end of the reply; *ret_used says how far. After
 * FRAME_DONE clear the frame (after reading `over`); after FRAME_BAD the stream is of no use.
 */
enum frame_verdict frame_scan(struct frame *frame, const char *p, size_t n, size_t *ret_used);

#endif
