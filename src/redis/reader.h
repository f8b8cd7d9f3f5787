/* SPDX-License-Identifier: MIT */
/*
 * The reader: bytes from Redis become values.
 *
 *	bytes -> frame (outline, caps) -> hiredis's redisReader -> struct redis_value
 *
 * hiredis is known to reader.c alone.
 */
#ifndef CW_REDIS_READER_H
#define CW_REDIS_READER_H

#include "redis/value.h"

struct reader;

enum reader_result {
	READER_MORE,	  /* all bytes taken, the reply goes on */
	READER_VALUE,	  /* one reply ended */
	READER_TOO_LARGE, /* one reply past a cap ended; it was skipped */
	READER_BAD,	  /* no RESP2: nothing can be read from this stream any more */
};

struct reader *reader_new(void);
void reader_free(struct reader *reader); /* NULL is welcome */
/* Takes bytes up to the end of one reply at most. The value is the caller's. */
enum reader_result reader_feed(
	struct reader *reader, struct slice bytes, size_t *ret_used, struct redis_value **ret);
/* Whether the reply that is being read is known to be past a cap. */
bool reader_skipping(const struct reader *reader);

#endif
