/* SPDX-License-Identifier: MIT */
/*
 * The reader: bytes from Redis become values.
 *
 *	bytes -> state machine; strings are copied once -> struct redis_value
 *
 * It refuses what is not RESP2 at the first wrong byte, and enforces limits: a reply over a limit
 * is detected by its length, before its bytes are read, and is then skipped to its end in constant
 * memory.
 */
#ifndef CW_REDIS_RESP_H
#define CW_REDIS_RESP_H

#include "redis/value.h"

/* Limits of one reply; an empty array is also a level. */
enum { RESP_MAX_DEPTH = 8, RESP_MAX_ELEMENTS = 1000000, RESP_MAX_BYTES = 64 << 20 };

struct resp;

enum resp_result {
	RESP_MORE,	/* all bytes taken, the reply continues */
	RESP_VALUE,	/* one reply ended */
	RESP_TOO_LARGE, /* one reply over a limit ended; it was skipped */
	RESP_BAD,	/* not RESP2: nothing more can be read from this stream */
};

struct resp *resp_new(void);
void resp_free(struct resp *reader); /* may be NULL */
/* Takes bytes up to the end of one reply at most. The value is the caller's. */
enum resp_result resp_feed(
	struct resp *reader, struct slice bytes, size_t *ret_used, struct redis_value **ret);
/* Whether the current reply is over a limit. */
bool resp_skipping(const struct resp *reader);

#endif
