/* SPDX-License-Identifier: MIT */
/*
 * The namespace of a key, for figures by namespace: a configured prefix, or a pattern that follows
 * from the key's own form.
 *
 *	cw:inval                  own         "cw:"
 *	product:42                configured  "product:"        cache.namespaces has that prefix
 *	user:42:cart              detected    "user:*:cart"     segments that are ids become `*`
 *	user:profile:alice        detected    "user:profile:*"  so does the last of words alone
 *	a:b:c:d                   detected    "a:b:*"           after `depth` words
 *	counter                   unmatched   ""                no separator
 *
 * A segment is an id if it has nothing but digits, mostly digits, or eight and more hexadecimal
 * digits, if it is long and mixes letters with digits, has an `@`, or bytes that are not UTF-8.
 */
#ifndef CW_CACHE_NAMESPACE_H
#define CW_CACHE_NAMESPACE_H

#include "conf/conf.h"

enum {
	NAMESPACE_NAME_BYTES =
		128,		 /* of a detected one, at most; a configured prefix has up to 512 */
	NAMESPACE_SEGMENTS = 16, /* at which a pattern ends */
};

enum namespace_kind {
	NAMESPACE_CONFIGURED,
	NAMESPACE_DETECTED,
	NAMESPACE_OWN,
	NAMESPACE_UNMATCHED,
};

/* "configured", "detected", "own", "unmatched". */
const char *namespace_kind_name(enum namespace_kind kind);
/* The namespace of `key`, by stats.namespaces and cache.namespaces; replaces `name`. */
enum namespace_kind namespace_of(const struct conf *conf, struct slice key, struct buf *name);
/*
 * Whether segment `i` of a detected name is a word; if so, `ret` is the name with `*` in its place.
 * For merging the namespaces below a segment that has too many values.
 */
bool namespace_widen(struct slice name, struct slice separator, size_t i, struct buf *ret);
/* Whether a segment of a key is an id. */
bool namespace_is_id(struct slice segment);

#endif
