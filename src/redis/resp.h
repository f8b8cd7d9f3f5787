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
#ifndef CW_REDIS_RESP_H
#define CW_REDIS_RESP_H

#include "redis/value.h"

/* Limits of one reply; an empty array is a level, too. */
enum { RESP_MAX_DEPTH = 8, RESP_MAX_ELEMENTS = 1000000, RESP_MAX_BYTES = 64 << 20 };

struct resp;

enum resp_result {
	RESP_MORE,	/* all bytes taken, the reply goes on */
	RESP_VALUE,	/* one reply ended */
	RESP_TOO_LARGE, /* one reply over a limit ended; it was skipped */
	RESP_BAD,	/* not RESP2: nothing more can be read from this stream */
};

struct resp *resp_new(void);
void resp_free(struct resp *reader); /* may be NULL */
/* Takes bytes up to the end of one reply at most. The value is the caller's. */
enum resp_result resp_feed(
	struct resp *reader, struct slice bytes, size_t *ret_used, struct redis_value **ret);
/* Whether the reply that is being read is known to be over a limit. */
bool resp_skipping(const struct resp *reader);

#endif
