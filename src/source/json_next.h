/* SPDX-License-Identifier: MIT */
/*
 * Inside of source/: the text at a second pointer of a JSON document, beside its rows: where the
 * next page is.
 *
 *	{"meta": {"next": "/items?page=2", ...}, "items": [...]}     rows: /items   next: /meta/next
 *	 ^ the pointers part here: this value is kept, then looked into
 */
#ifndef CW_SOURCE_JSON_NEXT_H
#define CW_SOURCE_JSON_NEXT_H

#include "base/buf.h"
#include "base/fault.h"

enum { JSON_NEXT_MAX_BYTES = 65536 };

struct json_next {
	struct buf pointer; /* empty: none is wanted */
	struct buf kept;    /* the value so far */
	bool keeping;
};

void json_next_release(struct json_next *next);
/*
 * Whether the value of the member `name`, in the container that the first `level` tokens of `rows`
 * lead to, has to be kept; then json_next_keep() with each piece of it.
 */
bool json_next_is_in(
	const struct json_next *next, const struct slice *rows, unsigned level, struct slice name);
/* False if it is too large. */
bool json_next_keep(struct json_next *next, struct slice piece);
/*
 * The value is complete: *ret becomes the text, number or nothing (null, false, no such member) at
 * the pointer, of which the member was token `level` (from 0). ERR_SOURCE_FAILED for any other.
 */
enum error json_next_end(
	struct json_next *next, unsigned level, struct buf *ret, struct fault *fault);

#endif
