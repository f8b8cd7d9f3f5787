/* SPDX-License-Identifier: MIT */
/*
 * A glob pattern made ready for a million keys: its literal beginning, end and longest stretch
 * refuse nearly all of them before the matcher is asked.
 */
#ifndef CW_CACHE_PATTERN_H
#define CW_CACHE_PATTERN_H

#include "base/buf.h"

/* A plain value; all slices lie in the pattern's text, which is borrowed. */
struct pattern {
	struct slice glob;
	struct slice head, tail, middle; /* literal bytes that each match has; may be empty */
	size_t least;			 /* how long each match is at least */
	bool decided;			 /* those say all, as in a*, *a, *a*, a*b */
};

void pattern_init(struct pattern *pattern, struct slice glob);
/* The same as glob_match(). */
bool pattern_match(const struct pattern *pattern, struct slice text);

#endif
