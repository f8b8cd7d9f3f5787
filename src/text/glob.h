/* SPDX-License-Identifier: MIT */
/*
 * Redis's glob patterns, matched without exponential backtracking.
 *
 * `*` any bytes, `?` one byte, `[a-z]` `[^a]` classes, `\` takes the next byte literally;
 * unfinished classes and a trailing backslash are treated as in Redis (stringmatchlen).
 * Empty text matches only the empty pattern, as there: SCAN and KEYS make an exception for a lone
 * `*`. Time: at most pattern length x text length, and linear in the text for each literal segment.
 */
#ifndef CW_TEXT_GLOB_H
#define CW_TEXT_GLOB_H

#include "base/buf.h"
#include "base/fault.h"

enum { GLOB_MAX_BYTES = 512, GLOB_MAX_STARS = 16 };

bool glob_match(struct slice pattern, struct slice text);
/* ERR_BAD_PATTERN: empty, longer than GLOB_MAX_BYTES or with more stars (runs count once). */
enum error glob_check(struct slice pattern, struct fault *fault);
/* Whether no byte is special, so that the pattern names one key: *ret is that key, unescaped. */
bool glob_literal(struct slice pattern, struct buf *ret);
/* Appends the bytes with which every match begins. */
void glob_prefix(struct slice pattern, struct buf *ret);
/*
 * Whether it matches (nearly) everything: it has a star and requires no literal byte, such as `*`,
 * `**`, `?*`, `[^x]*`. A class of two or more bytes counts as no literal byte.
 */
bool glob_catch_all(struct slice pattern);
/* Appends `text` so that it matches only itself, within a class too. */
void glob_escape(struct slice text, struct buf *out);

#endif
