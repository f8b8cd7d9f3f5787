/* SPDX-License-Identifier: MIT */
/* How far a mistyped name is from a known one. */
#ifndef CW_TEXT_EDITS_H
#define CW_TEXT_EDITS_H

#include "base/slice.h"

enum { EDITS_MAX = 64 };

/*
 * The number of bytes to change, add or remove to turn one into the other (Levenshtein 1966);
 * EDITS_MAX if either is longer than that.
 */
size_t edits_between(struct slice a, struct slice b);

#endif
