/* SPDX-License-Identifier: MIT */
/*
 * The validating scanner behind json_check(); see json.h.
 *
 *	text -> run() -> scan_one(): a name, a value, or what stands after one
 *	                    |
 *	                 frames[]: the open arrays and objects; it does not recurse
 */
#include <assert.h>

#include "text/json.h"
#include "text/json_text.h"
#include "text/json_token.h"

enum expect {
	EXPECT_VALUE,
	EXPECT_FIRST_ELEMENT, /* or the end of the array */
	EXPECT_FIRST_NAME,    /* or the end of the object */
	EXPECT_NAME,
	EXPECT_AFTER /* a comma, or the end of the container */
};

const struct json_limits json_control_limits = {32, 100000, 256, false};
const struct json_limits json_row_limits = {64, 1000000, 4096, true};

static enum step open_container(struct json_scan *s, bool object, enum expect *expect)
{
	struct json_frame *frame;

	if (s->depth == s->limits->depth)
		return json_token_bad(s, s->p,
			"arrays and objects lie more than %u deep; flatten them", s->limits->depth);
	frame = &s->frames[s->depth++];
	*frame = (struct json_frame){.object = object, .first_name = s->names.count};
	*expect = object ? EXPECT_FIRST_NAME : EXPECT_FIRST_ELEMENT;
	s->p++;
	return STEP_OK;
}

static enum step twice(struct json_scan *s, struct json_frame *frame, const struct json_name *name)
{
	frame->name = name->p;
	frame->name_n = name->n;
	return json_token_bad(s, name->p - 1,
		"the member \"%.*s\" stands twice in its object; keep one",
		name->n < 80 ? (int)name->n : 80, name->p);
}

static enum step close_container(struct json_scan *s, enum expect *expect)
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

static enum step scan_value(struct json_scan *s, enum expect *expect)
{
	bool escaped;

	if (s->nodes++ == s->limits->nodes)
		return json_token_bad(s, s->p, "there are more than %u values; send them in parts",
			s->limits->nodes);
	*expect = EXPECT_AFTER;
	switch (*s->p) {
	case '"':
		return json_token_string(s, &escaped);
	case '{':
		return open_container(s, true, expect);
	case '[':
		return open_container(s, false, expect);
	case 't':
		return json_token_word(s, "true", 4);
	case 'f':
		return json_token_word(s, "false", 5);
	case 'n':
		return json_token_word(s, "null", 4);
	default:
		if (*s->p == '-' || (*s->p >= '0' && *s->p <= '9'))
			return json_token_number(s);
		return json_token_unexpected(s, s->p, "a value");
	}
}

static enum step scan_name(struct json_scan *s, enum expect *expect)
{
	struct json_frame *frame = &s->frames[s->depth - 1];
	struct json_name name = {.p = s->p + 1};
	enum step step;

	if (*s->p != '"')
		return json_token_unexpected(s, s->p, "a member name in double quotes");
	step = json_token_string(s, &name.escaped);
	if (step != STEP_OK)
		return step;
	name.n = (size_t)(s->p - 1 - name.p);
	frame->name = name.p;
	frame->name_n = name.n;
	if (frame->count++ == s->limits->members)
		return json_token_bad(s, name.p - 1, "an object has more than %u members; split it",
			s->limits->members);
	if (!json_names_add(&s->names, frame->first_name, name))
		return twice(s, frame, &name);
	s->p = json_skip_space(s->p, s->end);
	if (s->p == s->end)
		return STEP_MORE;
	if (*s->p != ':')
		return json_token_unexpected(s, s->p, "the ':' after a member name");
	s->p++;
	*expect = EXPECT_VALUE;
	return STEP_OK;
}

static enum step scan_after(struct json_scan *s, enum expect *expect)
{
	struct json_frame *frame = &s->frames[s->depth - 1];

	if (*s->p == (frame->object ? '}' : ']'))
		return close_container(s, expect);
	if (*s->p != ',')
		return json_token_unexpected(s, s->p, frame->object ? "',' or '}'" : "',' or ']'");
	s->p++;
	if (frame->object)
		frame->name = NULL;
	else
		frame->count++;
	*expect = frame->object ? EXPECT_NAME : EXPECT_VALUE;
	return STEP_OK;
}

static inline enum step scan_one(struct json_scan *s, enum expect *expect)
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

static enum step run(struct json_scan *s)
{
	enum expect expect = EXPECT_VALUE;
	enum step step;

	do {
		s->p = json_skip_space(s->p, s->end);
		if (s->p == s->end)
			return STEP_MORE;
		step = scan_one(s, &expect);
	} while (step == STEP_OK && !(expect == EXPECT_AFTER && s->depth == 0));
	return step;
}

/* Appends the pointer's token for one frame: its element's index or its member's name. */
static void add_token(const struct json_frame *frame, struct buf *out)
{
	struct json_bytes name = {
		.p = frame->name, .end = slice_end(slice_of(frame->name, frame->name_n))};
	int c;

	buf_char(out, '/');
	if (!frame->object) {
		buf_uint(out, frame->count);
		return;
	}
	while ((c = json_bytes_next(&name)) >= 0) {
		if (c == '~' || c == '/')
			buf_str(out, c == '~' ? "~0" : "~1");
		else if (c == 0) /* the pointer is a C string */
			buf_str(out, "\xef\xbf\xbd");
		else
			buf_char(out, (char)c);
	}
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

static enum error fail(struct json_scan *s, enum step step, struct fault *fault)
{
	struct buf pointer = {0};
	const char *line = s->start;
	size_t lines = 1;

	if (!fault)
		return ERR_BAD_JSON;
	if (step == STEP_MORE && json_skip_space(s->start, s->end) == s->end)
		json_token_bad(s, s->end, "the text is empty; a JSON value is expected");
	else if (step == STEP_MORE)
		json_token_bad(s, s->end, "the text ends inside a value; send all of it");
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
	enum step step;

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
			step = json_token_unexpected(&s, s.p, "the end of the text");
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
