/* SPDX-License-Identifier: MIT */
/*
 * The reader: bytes from Redis become values.
 *
 *	bytes -> RESP2, byte by byte; strings in one copy -> struct redis_value
 *
 * It refuses what is not RESP2 at its first wrong byte, and holds the limits: a reply over one is
 * known as soon as a length says so, long before its bytes are here, and is then skipped to its end
 * in constant memory.
 */
#ifndef CW_REDIS_READER_H
#define CW_REDIS_READER_H

#include "redis/value.h"

/* Limits of one reply; an empty array is a level, too. */
enum { READER_MAX_DEPTH = 8, READER_MAX_ELEMENTS = 1000000, READER_MAX_BYTES = 64 << 20 };

struct reader;

enum reader_result {
	READER_MORE,	  /* all bytes taken, the reply goes on */
	READER_VALUE,	  /* one reply ended */
	READER_TOO_LARGE, /* one reply over a limit ended; it was skipped */
	READER_BAD,	  /* not RESP2: nothing more can be read from this stream */
};

struct reader *reader_new(void);
void reader_free(struct reader *reader); /* may be NULL */
/* Takes bytes up to the end of one reply at most. The value is the caller's. */
enum reader_result reader_feed(
	struct reader *reader, struct slice bytes, size_t *ret_used, struct redis_value **ret);
/* Whether the reply that is being read is known to be over a limit. */
bool reader_skipping(const struct reader *reader);

#endif
