/* SPDX-License-Identifier: MIT */
/*
 * The validating scanner behind json_check(); see json.h.
 *
 *	text -> run() -> scan_one(): a name, a value, or what stands after one
 *	                    |
 *	                 frames[]: the open arrays and objects; it does not recurse
 *
 * Each function steps over what stands at s->p. A token that the end of the text cuts is STEP_MORE;
 * whether that is an error depends on s->more.
 */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/hex.h"
#include "base/utf8.h"
#include "text/json.h"
#include "text/json_name.h"
#include "text/json_pointer.h"
#include "text/json_text.h"

const struct json_limits json_control_limits = {32, 100000, 256, false};
const struct json_limits json_row_limits = {64, 1000000, 4096, true};

enum json_step { STEP_OK, STEP_MORE, STEP_BAD };

/* An open array or object. */
struct json_frame {
	bool object;
	unsigned count;	  /* members so far, or the index of the current element */
	const char *name; /* of the current member, raw; NULL between members */
	size_t name_n;
	size_t first_name; /* in json_scan.names */
};

struct json_scan {
	const char *start, *p, *end;
	const struct json_limits *limits;
	bool more;
	unsigned nodes, depth;
	char why[200];
	struct json_frame frames[JSON_MAX_DEPTH];
	struct json_names names;
};

/* Notes what is wrong at `at`. */
__attribute__((cold, format(printf, 3, 4))) static enum json_step bad(
	struct json_scan *s, const char *at, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(s->why, sizeof s->why, format, args);
	va_end(args);
	s->p = at;
	return STEP_BAD;
}

__attribute__((cold)) static enum json_step unexpected(
	struct json_scan *s, const char *at, const char *wanted)
{
	unsigned char c = (unsigned char)*at;

	if (at == s->start && s->end - at >= 3 && memcmp(at, "\xef\xbb\xbf", 3) == 0)
		return bad(s, at, "a byte order mark stands here; leave it out");
	if (c > 0x20 && c < 0x7f)
		return bad(s, at, "'%c' stands where %s is expected", c, wanted);
	return bad(s, at, "byte 0x%02X stands where %s is expected", c, wanted);
}

static enum json_step cut(struct json_scan *s)
{
	s->p = s->end;
	return STEP_MORE;
}

/* Reads the `\uXXXX` at `p` as far as the text goes; *ret < 0 where something else stands there. */
static enum json_step hex_escape(struct json_scan *s, const char *p, int *ret)
{
	*ret = -1;
	for (int i = 0; i < 6; i++) {
		if (p + i == s->end)
			return cut(s);
		if (i < 2 ? p[i] != "\\u"[i] : hex_value(p[i]) < 0)
			return STEP_OK;
	}
	*ret = json_hex4(p + 2);
	return STEP_OK;
}

static enum json_step scan_unicode(struct json_scan *s)
{
	const char *p = s->p;
	int high, low = -1;

	if (hex_escape(s, p, &high) == STEP_MORE)
		return STEP_MORE;
	if (high < 0)
		return bad(s, p, "four hexadecimal digits must follow \\u");
	if (high == 0 && !s->limits->allow_nul)
		return bad(s, p, "\\u0000 is not accepted here; leave it out");
	s->p = p + 6;
	if (high < 0xd800 || high > 0xdfff)
		return STEP_OK;
	if (high < 0xdc00 && hex_escape(s, p + 6, &low) == STEP_MORE)
		return STEP_MORE;
	if (low < 0xdc00 || low > 0xdfff)
		return bad(s, p,
			"%.6s is half of a surrogate pair; write both halves, or the character", p);
	s->p = p + 12;
	return STEP_OK;
}

static enum json_step scan_escape(struct json_scan *s)
{
	if (s->end - s->p < 2)
		return cut(s);
	switch (s->p[1]) {
	case 'u':
		return scan_unicode(s);
	case '"':
	case '\\':
	case '/':
	case 'b':
	case 'f':
	case 'n':
	case 'r':
	case 't':
		s->p += 2;
		return STEP_OK;
	default:
		return bad(s, s->p, "no such escape; write \\\\ for a backslash");
	}
}

/* A byte of a string that is neither plain nor its end. */
static enum json_step scan_special(struct json_scan *s)
{
	unsigned char c = (unsigned char)*s->p;
	int n;

	if (c == '\\')
		return scan_escape(s);
	if (c < 0x20)
		return bad(s, s->p, "the control byte 0x%02X in a string must be written \\u%04x",
			c, c);
	n = utf8_bytes(s->p, s->end);
	if (n == UTF8_CUT)
		return cut(s);
	if (n == UTF8_BAD)
		return bad(
			s, s->p, "byte 0x%02X is not valid UTF-8 here; send the text as UTF-8", c);
	s->p += n;
	return STEP_OK;
}

/* From the opening quote to behind the closing one. *escaped: it has a backslash. */
static enum json_step scan_string(struct json_scan *s, bool *escaped)
{
	s->p++;
	for (;;) {
		enum json_step step;

		s->p = json_skip_plain(s->p, s->end);
		if (s->p == s->end)
			return STEP_MORE;
		if (*s->p == '"') {
			s->p++;
			return STEP_OK;
		}
		if (*s->p == '\\')
			*escaped = true;
		step = scan_special(s);
		if (step != STEP_OK)
			return step;
	}
}

/* A number or a word ends at `p`: what follows must not look like more of it. */
static inline enum json_step scan_word_end(struct json_scan *s, const char *p)
{
	s->p = p;
	if (p == s->end)
		return s->more ? STEP_MORE : STEP_OK;
	switch (*p) {
	case ',':
	case ']':
	case '}':
	case ' ':
	case '\n':
	case '\r':
	case '\t':
		return STEP_OK;
	default:
		return unexpected(s, p, "a comma or the end of the value");
	}
}

static enum json_step scan_word(struct json_scan *s, const char *word, size_t n)
{
	size_t left = (size_t)(s->end - s->p);

	if (memcmp(s->p, word, left < n ? left : n) != 0)
		return bad(s, s->p, "no such word; true, false, null and \"text\" are values");
	return left < n ? cut(s) : scan_word_end(s, s->p + n);
}

static inline const char *digits(const char *p, const char *end)
{
	while (p < end && *p >= '0' && *p <= '9')
		p++;
	return p;
}

static enum json_step digit_missing(struct json_scan *s, const char *p)
{
	return p == s->end ? cut(s) : unexpected(s, p, "a digit");
}

static enum json_step scan_number(struct json_scan *s)
{
	const char *p = s->p + (*s->p == '-'), *q = digits(p, s->end);

	if (q == p)
		return digit_missing(s, p);
	if (*p == '0' && q > p + 1)
		return bad(s, p, "a number must not begin with 0; write it as text to keep the 0");
	if (q < s->end && *q == '.') {
		p = q + 1;
		q = digits(p, s->end);
		if (q == p)
			return digit_missing(s, p);
	}
	if (q < s->end && (*q == 'e' || *q == 'E')) {
		p = q + 1;
		if (p < s->end && (*p == '+' || *p == '-'))
			p++;
		q = digits(p, s->end);
		if (q == p)
			return digit_missing(s, p);
	}
	return scan_word_end(s, q);
}

enum expect {
	EXPECT_VALUE,
	EXPECT_FIRST_ELEMENT, /* or the end of the array */
	EXPECT_FIRST_NAME,    /* or the end of the object */
	EXPECT_NAME,
	EXPECT_AFTER /* a comma, or the end of the container */
};

static enum json_step open_container(struct json_scan *s, bool object, enum expect *expect)
{
	struct json_frame *frame;

	if (s->depth == s->limits->depth)
		return bad(s, s->p, "arrays and objects lie more than %u deep; flatten them",
			s->limits->depth);
	frame = &s->frames[s->depth++];
	*frame = (struct json_frame){.object = object, .first_name = s->names.count};
	*expect = object ? EXPECT_FIRST_NAME : EXPECT_FIRST_ELEMENT;
	s->p++;
	return STEP_OK;
}

static enum json_step twice(
	struct json_scan *s, struct json_frame *frame, const struct json_name *name)
{
	frame->name = name->p;
	frame->name_n = name->n;
	return bad(s, name->p - 1, "the member \"%.*s\" stands twice in its object; keep one",
		name->n < 80 ? (int)name->n : 80, name->p);
}

static enum json_step close_container(struct json_scan *s, enum expect *expect)
{
	struct json_frame *frame = &s->frames[s->depth - 1];
	struct json_name name;

	if (frame->object && !json_names_close(&s->names, frame->first_name, &name))
		return twice(s, frame, &name);
	s->depth--;
	s->p++;
	*expect = EXPECT_AFTER;
	return STEP_OK;
}

static enum json_step scan_value(struct json_scan *s, enum expect *expect)
{
	bool escaped;

	if (s->nodes++ == s->limits->nodes)
		return bad(s, s->p, "there are more than %u values; send them in parts",
			s->limits->nodes);
	*expect = EXPECT_AFTER;
	switch (*s->p) {
	case '"':
		return scan_string(s, &escaped);
	case '{':
		return open_container(s, true, expect);
	case '[':
		return open_container(s, false, expect);
	case 't':
		return scan_word(s, "true", 4);
	case 'f':
		return scan_word(s, "false", 5);
	case 'n':
		return scan_word(s, "null", 4);
	default:
		if (*s->p == '-' || (*s->p >= '0' && *s->p <= '9'))
			return scan_number(s);
		return unexpected(s, s->p, "a value");
	}
}

static enum json_step scan_name(struct json_scan *s, enum expect *expect)
{
	struct json_frame *frame = &s->frames[s->depth - 1];
	struct json_name name = {.p = s->p + 1};
	enum json_step step;

	if (*s->p != '"')
		return unexpected(s, s->p, "a member name in double quotes");
	step = scan_string(s, &name.escaped);
	if (step != STEP_OK)
		return step;
	name.n = (size_t)(s->p - 1 - name.p);
	frame->name = name.p;
	frame->name_n = name.n;
	if (frame->count++ == s->limits->members)
		return bad(s, name.p - 1, "an object has more than %u members; split it",
			s->limits->members);
	if (!json_names_add(&s->names, frame->first_name, name))
		return twice(s, frame, &name);
	s->p = json_skip_space(s->p, s->end);
	if (s->p == s->end)
		return STEP_MORE;
	if (*s->p != ':')
		return unexpected(s, s->p, "the ':' after a member name");
	s->p++;
	*expect = EXPECT_VALUE;
	return STEP_OK;
}

static enum json_step scan_after(struct json_scan *s, enum expect *expect)
{
	struct json_frame *frame = &s->frames[s->depth - 1];

	if (*s->p == (frame->object ? '}' : ']'))
		return close_container(s, expect);
	if (*s->p != ',')
		return unexpected(s, s->p, frame->object ? "',' or '}'" : "',' or ']'");
	s->p++;
	if (frame->object)
		frame->name = NULL;
	else
		frame->count++;
	*expect = frame->object ? EXPECT_NAME : EXPECT_VALUE;
	return STEP_OK;
}

static inline enum json_step scan_one(struct json_scan *s, enum expect *expect)
{
	switch (*expect) {
	case EXPECT_FIRST_NAME:
		return *s->p == '}' ? close_container(s, expect) : scan_name(s, expect);
	case EXPECT_NAME:
		return scan_name(s, expect);
	case EXPECT_FIRST_ELEMENT:
		return *s->p == ']' ? close_container(s, expect) : scan_value(s, expect);
	case EXPECT_VALUE:
		return scan_value(s, expect);
	case EXPECT_AFTER:
		break;
	}
	return scan_after(s, expect);
}

static enum json_step run(struct json_scan *s)
{
	enum expect expect = EXPECT_VALUE;
	enum json_step step;

	do {
		s->p = json_skip_space(s->p, s->end);
		if (s->p == s->end)
			return STEP_MORE;
		step = scan_one(s, &expect);
	} while (step == STEP_OK && !(expect == EXPECT_AFTER && s->depth == 0));
	return step;
}

/* One frame's part of the pointer: its element's index or its member's name. */
static void add_token(const struct json_frame *frame, struct buf *out)
{
	struct buf token = {0};

	if (frame->object)
		json_decode_string((struct json_value){JSON_STRING,
					   slice_of(frame->name - 1, frame->name_n + 2)},
			&token);
	else
		buf_uint(&token, frame->count);
	json_pointer_add(out, buf_slice(&token));
	buf_release(&token);
}

/* The place's JSON pointer, or that of the nearest container whose pointer fits. */
static void place(const struct json_scan *s, size_t max, struct buf *out)
{
	for (unsigned i = 0; i < s->depth; i++) {
		const struct json_frame *frame = &s->frames[i];
		size_t before = out->n;

		if (frame->object && !frame->name)
			return;
		add_token(frame, out);
		if (out->n > max) {
			out->n = before;
			out->p[before] = '\0';
			return;
		}
	}
}

static enum error fail(struct json_scan *s, enum json_step step, struct fault *fault)
{
	struct buf pointer = {0};
	const char *line = s->start;
	size_t lines = 1;

	if (!fault)
		return ERR_BAD_JSON;
	if (step == STEP_MORE && json_skip_space(s->start, s->end) == s->end)
		bad(s, s->end, "the text is empty; a JSON value is expected");
	else if (step == STEP_MORE)
		bad(s, s->end, "the text ends inside a value; send all of it");
	for (const char *p; (p = memchr(line, '\n', (size_t)(s->p - line))); lines++)
		line = p + 1;
	place(s, sizeof fault->pointer - 1, &pointer);
	fault_at(fault, ERR_BAD_JSON, pointer.p ? pointer.p : "", "line %zu, column %zu: %s", lines,
		(size_t)(s->p - line) + 1, s->why);
	buf_release(&pointer);
	return ERR_BAD_JSON;
}

static enum error scan(struct slice text, const struct json_limits *limits, bool more,
	size_t *ret_n, struct fault *fault)
{
	struct json_scan s;
	enum error error = OK;
	enum json_step step;

	assert(limits->depth <= JSON_MAX_DEPTH);
	s.start = s.p = text.n ? text.p : "";
	s.end = s.start + text.n;
	s.limits = limits;
	s.more = more;
	s.nodes = s.depth = 0;
	json_names_init(&s.names);
	step = run(&s);
	if (step == STEP_OK && !ret_n) {
		s.p = json_skip_space(s.p, s.end);
		if (s.p != s.end)
			step = unexpected(&s, s.p, "the end of the text");
	}
	if (step == STEP_BAD || (step == STEP_MORE && !more))
		error = fail(&s, step, fault);
	else if (ret_n)
		*ret_n = step == STEP_OK ? (size_t)(s.p - s.start) : 0;
	json_names_release(&s.names);
	return error;
}

enum error json_check(struct slice text, const struct json_limits *limits, struct fault *fault)
{
	return scan(text, limits, false, NULL, fault);
}

enum error json_check_prefix(struct slice text, const struct json_limits *limits, bool more,
	size_t *ret_n, struct fault *fault)
{
	return scan(text, limits, more, ret_n, fault);
}
