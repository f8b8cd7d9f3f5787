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

struct key_part {
	enum { KEY_PART_TEXT, KEY_PART_INTEGER, KEY_PART_TRUE, KEY_PART_FALSE, KEY_PART_NULL } kind;
	struct slice text; /* of an integer its digits, as they were spelt: any size, -7, no +7 */
	struct slice name; /* of a param, which may be empty; p is NULL for an arg */
};

/* ERR_BAD_KEY where it is an integer that is none. Pure. */
enum error key_part_check(const struct key_part *part, struct fault *fault);
/*
 * Appends the key. ERR_BAD_KEY: empty prefix, the same name twice, an integer that is none, too
 * many parts, a prefix that leaves no room. `out` is as it was then. Pure.
 */
enum error key_generate(struct slice prefix, const struct key_part *parts, size_t count,
	struct buf *out, struct fault *fault);

#endif
