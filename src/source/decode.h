/* SPDX-License-Identifier: MIT */
/*
 * Inside of source/: decodes content codings of HTTP (RFC 9110, 8.4.1) piece by piece, so that a
 * small response that decodes to a huge one costs no memory.
 */
#ifndef CW_SOURCE_DECODE_H
#define CW_SOURCE_DECODE_H

#include "base/buf.h"

struct decode;

/* False: an unknown coding. `identity` is known and gives NULL. */
bool decode_new(struct slice coding, struct decode **ret);
void decode_free(struct decode *decode); /* may be NULL */
/*
 * Uses up a part of *input. *ret is a view until the next step, of at most 64 KiB; empty: all of
 * the input was used and more is needed. False: the data are damaged.
 */
bool decode_step(struct decode *decode, struct slice *input, struct slice *ret);
/* At the end of the input: whether it is complete. An empty input is. */
bool decode_is_whole(const struct decode *decode);
/* "gzip", constant text. */
const char *decode_name(const struct decode *decode);

#endif
