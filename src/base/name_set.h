/* SPDX-License-Identifier: MIT */
/*
 * A set of names, for noticing that one comes again.
 *
 * By default it holds 64-bit hashes of at most NAME_SET_MAX names (4 MiB): past that every name
 * counts as new, and two names with one hash as the same. With `borrows` it compares the names
 * themselves, which must outlive it, without a limit.
 */
#ifndef CW_BASE_NAME_SET_H
#define CW_BASE_NAME_SET_H

#include "base/slice.h"

enum { NAME_SET_MAX = 256 * 1024 };

/* Zeroed but for `borrows` = empty. */
struct name_set {
	bool borrows;
	uint64_t *hashes;    /* open addressing, at most half full; 0 = free */
	struct slice *names; /* of the same places, where it borrows */
	size_t size, count;
};

void name_set_release(struct name_set *set);
/* True where the name is new. */
bool name_set_add(struct name_set *set, struct slice name);
bool name_set_has(const struct name_set *set, struct slice name);

#endif
