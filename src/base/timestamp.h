/* SPDX-License-Identifier: MIT */
/* ISO 8601 times. */
#ifndef CW_BASE_TIMESTAMP_H
#define CW_BASE_TIMESTAMP_H

#include "base/buf.h"

/* `2026-11-24T05:45:18.123Z` for milliseconds since the epoch. */
void timestamp_format(int64_t wall_ms, struct buf *out);
/*
 * Such a time, also with an offset from UTC, or a date alone (its midnight, UTC). Returns NULL, or
 * the end of a sentence that says what is wrong with the text.
 */
const char *timestamp_parse(struct slice text, int64_t *ret_wall_ms);

#endif
