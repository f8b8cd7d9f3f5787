/* SPDX-License-Identifier: MIT */
/*
 * Key generation: the same parts give the same key everywhere, over HTTP and in C.
 *
 *	prefix ":" args in order ":" params sorted by name, each name=value
 *
 * Integers plain, true, false and null as such; in texts every byte outside A-Za-z0-9._- as %XX.
 * A key beyond 200 bytes keeps its prefix and the colon, so that patterns and namespaces still
 * reach it: all after them becomes `#` and the first 32 hex digits of its SHA-256. Test vectors:
 * docs/keys.json.
 */
#ifndef CW_CACHE_KEYGEN_H
#define CW_CACHE_KEYGEN_H

#include "base/buf.h"
#include "base/fault.h"

enum { KEYGEN_MAX_PARTS = 64, KEYGEN_MAX_BYTES = 200 };

struct keygen_part {
	enum { KEYGEN_TEXT, KEYGEN_INTEGER, KEYGEN_TRUE, KEYGEN_FALSE, KEYGEN_NULL } kind;
	struct slice text; /* of an integer its digits, as they were spelt: any size, -7, no +7 */
	struct slice name; /* of a param, which may be empty; p is NULL for an arg */
};

/* ERR_BAD_KEY where it is an invalid integer. Pure. */
enum error keygen_check_part(const struct keygen_part *part, struct fault *fault);
/*
 * Appends the key. ERR_BAD_KEY: empty prefix, the same name twice, an invalid integer, too
 * many parts, a prefix that leaves no room. `out` is not changed then. Pure.
 */
enum error keygen_key(struct slice prefix, const struct keygen_part *parts, size_t count,
	struct buf *out, struct fault *fault);

#endif
