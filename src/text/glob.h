/* SPDX-License-Identifier: MIT */
/*
 * Redis's own glob patterns, matched without backtracking explosions.
 *
 * `*` any bytes, `?` one byte, `[a-z]` `[^a]` classes, `\` takes the next byte literally; what
 * Redis does with unfinished classes and a trailing backslash (util.c, stringmatchlen) holds here
 * too. Empty text matches only the empty pattern, as there: that SCAN and KEYS give the empty key
 * for a lone `*` is their own exception. Time: at most pattern length x text length, and linear in
 * the text for each literal segment.
 */
#ifndef CW_TEXT_GLOB_H
#define CW_TEXT_GLOB_H

#include "base/buf.h"
#include "base/fault.h"

enum { GLOB_MAX_BYTES = 512, GLOB_MAX_STARS = 16 };

bool glob_match(struct slice pattern, struct slice text);
/* ERR_BAD_PATTERN: empty, longer than GLOB_MAX_BYTES or with more stars (runs count once). */
enum error glob_check(struct slice pattern, struct fault *fault);
/* No byte in it is special, so that it names one key: *ret is then that key, unescaped. */
bool glob_literal(struct slice pattern, struct buf *ret);
/* Appends the bytes with which each match must begin. */
void glob_prefix(struct slice pattern, struct buf *ret);
/*
 * Matches (nearly) everything: no literal byte is required anywhere and at least one star stands in
 * it, such as `*`, `**`, `?*`, `[^x]*`. A class of two or more bytes requires no literal one.
 */
bool glob_catch_all(struct slice pattern);
/* Appends `text` so that it matches only itself, within a class too. */
void glob_escape(struct slice text, struct buf *out);

#endif
