/* SPDX-License-Identifier: MIT */
/*
 * Templates; see template.h.
 *
 *	a:{id}:b{id}	->	parts: "a:" | name 0 | ":b" | name 0	names: "id"
 *
 * Literal parts are never empty and never adjacent.
 */
#include "text/template.h"

#include <string.h>

#include "base/mem.h"
#include "text/glob.h"
#include "text/percent.h"

struct part {
	bool literal;
	size_t name;	    /* its index, unless literal */
	struct slice bytes; /* in template.bytes, where literal */
};

struct template
{
	char *text;
	size_t n;
	char *bytes; /* the literals, braces resolved */
	struct part *parts;
	size_t count;
	struct slice names[TEMPLATE_MAX_NAMES]; /* in text */
	size_t name_count;
	size_t uses;
	bool repeats; /* a name stands twice */
};

struct slice template_text(const struct template *t)
{
	return slice_of(t->text, t->n);
}

struct slice template_beginning(const struct template *t)
{
	return t->count && t->parts[0].literal ? t->parts[0].bytes : slice_of("", 0);
}

size_t template_names(const struct template *t)
{
	return t->name_count;
}

struct slice template_name(const struct template *t, size_t i)
{
	return t->names[i];
}

void template_free(struct template *t)
{
	if (!t)
		return;
	mem_free(t->text);
	mem_free(t->bytes);
	mem_free(t->parts);
	mem_free(t);
}

static const char *add_name(struct template *t, struct slice name)
{
	size_t i = 0;

	if (name.n == 0)
		return "has a {} without a name";
	while (i < t->name_count && !slice_equal(t->names[i], name))
		i++;
	if (t->uses++ == TEMPLATE_MAX_NAMES)
		return "has more than 64 names";
	if (i < t->name_count)
		t->repeats = true;
	else
		t->names[t->name_count++] = name;
	t->parts[t->count++] = (struct part){.name = i};
	return NULL;
}

/* A byte of text; `to` is where it lies in template.bytes. */
static void add_literal(struct template *t, char *to, char c)
{
	struct part *last = t->count ? &t->parts[t->count - 1] : NULL;

	*to = c;
	if (last && last->literal)
		last->bytes.n++;
	else
		t->parts[t->count++] = (struct part){.literal = true, .bytes = slice_of(to, 1)};
}

static const char *parse(struct template *t)
{
	const char *p = t->text, *end = slice_end(template_text(t));
	char *to = t->bytes;

	while (p < end) {
		if ((*p == '{' || *p == '}') && end - p >= 2 && p[1] == *p) {
			add_literal(t, to++, *p);
			p += 2;
		} else if (*p == '}') {
			return "has a lone '}'; write }} for a brace, {name} for a value";
		} else if (*p == '{') {
			const char *name = ++p;
			const char *why;

			while (p < end && *p != '{' && *p != '}')
				p++;
			if (p == end || *p == '{')
				return "has a lone '{'; write {{ for a brace, {name} for a value";
			why = add_name(t, slice_of(name, (size_t)(p++ - name)));
			if (why)
				return why;
		} else {
			add_literal(t, to++, *p++);
		}
	}
	return NULL;
}

struct template *template_parse(struct slice text, const char **why)
{
	struct template *t = mem_new(struct template);

	t->text = slice_dup(text);
	t->n = text.n;
	t->bytes = mem_alloc(text.n);
	t->parts = mem_array(2 * TEMPLATE_MAX_NAMES + 1, sizeof *t->parts);
	*why = parse(t);
	if (*why) {
		template_free(t);
		return NULL;
	}
	t->parts = mem_realloc(t->parts, t->count * sizeof *t->parts);
	return t;
}

static void add_escaped(struct buf *out, enum template_escape escape, struct slice value)
{
	if (escape == TEMPLATE_GLOB)
		glob_escape(value, out);
	else
		percent_encode(value, PERCENT_UNRESERVED, out);
}

/* Appends the value of `name`; false where there is none or an empty one. */
static bool fill(struct slice name, enum template_escape escape, template_lookup *lookup,
	void *context, struct buf *out)
{
	struct buf value = {0};
	size_t before = out->n;
	bool found;

	if (escape == TEMPLATE_LITERAL || escape == TEMPLATE_TEXT)
		return lookup(context, name, out) && (escape == TEMPLATE_TEXT || out->n > before);
	found = lookup(context, name, &value) && value.n > 0;
	add_escaped(out, escape, buf_slice(&value));
	buf_release(&value);
	return found;
}

enum error template_fill(const struct template *t, enum template_escape escape,
	template_lookup *lookup, void *context, struct buf *out, struct fault *fault)
{
	size_t before = out->n;

	buf_reserve(out, t->n);
	for (size_t i = 0; i < t->count; i++) {
		const struct part *part = &t->parts[i];
		struct slice name;

		if (part->literal) {
			buf_add(out, part->bytes);
			continue;
		}
		name = t->names[part->name];
		if (fill(name, escape, lookup, context, out))
			continue;
		out->n = before;
		out->p[before] = '\0';
		return fault_set(fault, ERR_SOURCE_ROW,
			"'%.*s' in \"%.*s\" has no value%s; it must have one",
			(int)(name.n < 128 ? name.n : 128), name.p, (int)(t->n < 256 ? t->n : 256),
			t->text, escape == TEMPLATE_TEXT ? "" : ", or an empty one");
	}
	return OK;
}

/* Whether `literal` comes behind the value first, and not within it. */
static bool ends_at(const struct buf *value, struct slice literal)
{
	struct buf text = {0};

	buf_add(&text, buf_slice(value));
	buf_add(&text, literal);
	bool ends = memmem(text.p, text.n, literal.p, literal.n) == text.p + value->n;
	buf_release(&text);
	return ends;
}

bool template_tells(
	const struct template *t, template_lookup *lookup, void *context, struct slice *ret)
{
	struct buf value = {0};
	bool tells = true;

	for (size_t i = 0; i + 1 < t->count && tells; i++) {
		bool last = i + 2 == t->count && t->parts[i + 1].literal;

		if (t->parts[i].literal || last)
			continue;
		*ret = t->names[t->parts[i].name];
		buf_clear(&value);
		lookup(context, *ret, &value);
		tells = t->parts[i + 1].literal && ends_at(&value, t->parts[i + 1].bytes);
	}
	buf_release(&value);
	return tells;
}

static bool lookup_one(void *context, struct slice name, struct buf *out)
{
	(void)name;
	buf_add(out, *(struct slice *)context);
	return true;
}

void template_fill_one(
	const struct template *t, enum template_escape escape, struct slice value, struct buf *out)
{
	for (size_t i = 0; i < t->count; i++) {
		if (t->parts[i].literal)
			buf_add(out, t->parts[i].bytes);
		else
			fill(slice_of("", 0), escape, lookup_one, &value, out);
	}
}

/* One attempt to match. Where no name repeats, the first fitting place is always the right one. */
struct match {
	const struct template *t;
	struct slice *captures;
	uint64_t bound; /* which names have a capture */
	unsigned tries;
};

static bool match_from(struct match *m, size_t part, struct slice text);

/* A name seen before must stand for the same bytes. */
static bool match_bound(struct match *m, size_t part, struct slice text)
{
	struct slice capture = m->captures[m->t->parts[part].name];

	return slice_starts(text, capture) && match_from(m, part + 1, slice_skip(text, capture.n));
}

/* A name seen for the first time: the shortest capture first, up to the next colon. */
static bool match_free(struct match *m, size_t part, struct slice text)
{
	const struct template *t = m->t;
	const char *colon = memchr(text.p, ':', text.n);
	size_t name = t->parts[part].name, most = colon ? (size_t)(colon - text.p) : text.n;
	struct slice next = part + 1 < t->count && t->parts[part + 1].literal
				    ? t->parts[part + 1].bytes
				    : slice_of("", 0);

	m->bound |= UINT64_C(1) << name;
	for (size_t n = part + 1 == t->count ? text.n : 1; n <= most && n > 0; n++) {
		struct slice rest = slice_skip(text, n);
		bool last = part + 2 == t->count && next.n;

		if (t->repeats && ++m->tries > TEMPLATE_MAX_TRIES)
			break;
		if (last && rest.n > next.n) {
			n = text.n - next.n - 1; /* the last literal stands at the end or nowhere */
			continue;
		}
		if (!slice_starts(rest, next))
			continue;
		m->captures[name] = slice_of(text.p, n);
		if (match_from(m, part + 1, rest))
			return true;
		if (!t->repeats)
			break;
	}
	m->bound &= ~(UINT64_C(1) << name);
	return false;
}

static bool match_from(struct match *m, size_t part, struct slice text)
{
	const struct template *t = m->t;

	if (part == t->count)
		return text.n == 0;
	if (t->parts[part].literal) {
		struct slice literal = t->parts[part].bytes;

		return slice_starts(text, literal) &&
		       match_from(m, part + 1, slice_skip(text, literal.n));
	}
	if (m->bound >> t->parts[part].name & 1)
		return match_bound(m, part, text);
	return match_free(m, part, text);
}

bool template_match(const struct template *t, struct slice text, struct slice *captures)
{
	struct match m = {.t = t, .captures = captures};

	return match_from(&m, 0, text);
}
