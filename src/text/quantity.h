/* SPDX-License-Identifier: MIT */
/*
 * Durations and sizes with units.
 *
 * Parsers return NULL, or the end of a sentence that says what is wrong with the text ("is not a
 * duration such as 250ms, 1h30m or 7d"); the caller adds where it is.
 */
#ifndef CW_TEXT_QUANTITY_H
#define CW_TEXT_QUANTITY_H

#include "base/buf.h"

/* The longest TTL: 10 years of 365 days, in milliseconds. */
#define TTL_MAX_MS INT64_C(315360000000)

/* Milliseconds from `250ms`, `90s`, `1h30m`, `7d` (units ms s m h d w, largest first), or `0`. */
const char *quantity_parse_duration(struct slice text, int64_t *ret_ms);
/* The largest units first, without empty parts: 5400000 -> `1h30m`, 0 -> `0s`. Not in weeks. */
void quantity_format_duration(int64_t ms, struct buf *out);
/* Bytes from `512`, `64KiB`, `1MiB`, `2GiB` (also TiB; KB MB GB TB, powers of 1000). */
const char *quantity_parse_size(struct slice text, int64_t *ret);
/* The largest binary unit that gives a whole number: 65536 -> `64KiB`, 1000 -> `1000`. */
void quantity_format_size(int64_t bytes, struct buf *out);

#endif
