/* SPDX-License-Identifier: MIT */
/*
 * Templates such as `user:profile:{id}`: filled for keys, matched for dependency rules.
 *
 * `{name}` is filled; `{{` and `}}` are literal braces; a lone brace is a fault. A name is any text
 * without braces, e.g. a path `a/b` into a row. Templates are immutable once parsed.
 */
#ifndef CW_TEXT_TEMPLATE_H
#define CW_TEXT_TEMPLATE_H

#include "base/buf.h"
#include "base/fault.h"

struct template;

enum {
	TEMPLATE_MAX_NAMES = 64, /* each use counts */
	TEMPLATE_MAX_TRIES = 100000
};

/*
 * NULL, with *why = the end of a sentence ("has a lone '}'; ..."), constant text, where the text is
 * wrong. *why is NULL otherwise.
 */
struct template *template_parse(struct slice text, const char **why);
void template_free(struct template *t);
struct slice template_text(const struct template *t);
/* The literal text that every filled text begins with; empty where a name stands first. */
struct slice template_beginning(const struct template *t);
/* The names in order of first use. */
size_t template_names(const struct template *t);
struct slice template_name(const struct template *t, size_t i);

/* Appends the value of `name`; false where there is none. */
typedef bool template_lookup(void *context, struct slice name, struct buf *out);

enum template_escape {
	TEMPLATE_LITERAL, /* the bytes as they are */
	TEMPLATE_GLOB, /* glob_escape(): what is filled matches only itself. Text around it stays */
	TEMPLATE_TEXT, /* as TEMPLATE_LITERAL, and an empty text is a value */
	TEMPLATE_PATH, /* bytes outside A-Za-z0-9._~- as %XX */
};

/*
 * Appends the filled text. ERR_SOURCE_ROW where a name has no value, or an empty one and the escape
 * is not TEMPLATE_TEXT; the fault names it. `out` is then as it was.
 */
enum error template_fill(const struct template *t, enum template_escape escape,
	template_lookup *lookup, void *context, struct buf *out, struct fault *fault);

/*
 * Whether the filled text tells the values, so that different values give different texts: none but
 * the last may hold the literal that comes behind it, and no two names may touch. *ret is the name
 * at fault otherwise.
 */
bool template_tells(
	const struct template *t, template_lookup *lookup, void *context, struct slice *ret);

/* The common case of one name and one value. */
void template_fill_one(
	const struct template *t, enum template_escape escape, struct slice value, struct buf *out);

/*
 * Whether all of `text` fits the template when each {name} stands for one or more bytes other than
 * `:`; the same name twice must stand for the same bytes. captures[i] gets what name i stands for;
 * room for template_names(). Where names touch or a literal fits twice, the left name is the
 * shortest. Linear in the text unless a name repeats; then TEMPLATE_MAX_TRIES bounds the search (a
 * text that needs more counts as no match).
 */
bool template_match(const struct template *t, struct slice text, struct slice *captures);

#endif
