/* SPDX-License-Identifier: MIT */
/*
 * Which names were met before, in bounded memory: a set of 64-bit hashes, of at most SEEN_MOST
 * names (4 MiB). Past that every name is new.
 */
#ifndef CW_INVALIDATE_SEEN_H
#define CW_INVALIDATE_SEEN_H

#include "base/buf.h"

enum { SEEN_MOST = 256 * 1024 };

/* Zeroed = empty. */
struct seen {
	uint64_t *slots; /* 0 = free; at most half full */
	size_t size, count;
};

void seen_release(struct seen *seen);
/* True the first time that `name` is given. */
bool seen_add(struct seen *seen, struct slice name);
/* Whether it was given. */
bool seen_has(const struct seen *seen, struct slice name);

#endif
