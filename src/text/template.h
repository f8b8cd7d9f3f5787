/* SPDX-License-Identifier: MIT */
/*
 * Templates such as `user:profile:{id}`: filled for keys, matched for dependency rules.
 *
 * `{name}` is replaced; `{{` and `}}` are literal braces; a lone brace is an error. A name is any
 * text without braces, such as a path `a/b` into a row. Templates are immutable once parsed.
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
 * NULL if the text is wrong: *why is then the end of a sentence ("has a lone '}'; ..."), constant
 * text, and NULL otherwise.
 */
struct template *template_parse(struct slice text, const char **why);
void template_free(struct template *t);
struct slice template_text(const struct template *t);
/* The literal text before the first name. */
struct slice template_beginning(const struct template *t);
/* The names in order of first use. */
size_t template_names(const struct template *t);
struct slice template_name(const struct template *t, size_t i);

/* Appends the value of `name`; false if there is none. */
typedef bool template_lookup(void *context, struct slice name, struct buf *out);

enum template_escape {
	TEMPLATE_LITERAL, /* the bytes as they are */
	TEMPLATE_GLOB,	  /* values by glob_escape(), so that they match only themselves */
	TEMPLATE_TEXT,	  /* as TEMPLATE_LITERAL, but values may be empty */
	TEMPLATE_PATH,	  /* bytes outside A-Za-z0-9._~- as %XX */
};

/*
 * Appends the filled text. ERR_SOURCE_ROW, with the name in the fault and `out` as it was, if a
 * name has no value, or an empty one and the escape is not TEMPLATE_TEXT.
 */
enum error template_fill(const struct template *t, enum template_escape escape,
	template_lookup *lookup, void *context, struct buf *out, struct fault *fault);

/*
 * Whether the filled text is unambiguous, so that different values give different texts: no value
 * but the last may contain the literal behind it, and there must be a literal between two names.
 * Otherwise *ret is the first name that breaks this.
 */
bool template_tells(
	const struct template *t, template_lookup *lookup, void *context, struct slice *ret);

/* The common case of one name and one value. */
void template_fill_one(
	const struct template *t, enum template_escape escape, struct slice value, struct buf *out);

/*
 * Whether all of `text` fits the template when each {name} stands for one or more bytes other than
 * `:`; the same name twice must stand for the same bytes. captures[], with room for
 * template_names(), receives what each name stands for. If names touch or a literal fits twice, the
 * left name is the shortest. Linear in the text unless a name repeats; then TEMPLATE_MAX_TRIES
 * limits the search (a text that needs more does not match).
 */
bool template_match(const struct template *t, struct slice text, struct slice *captures);

#endif
