/* SPDX-License-Identifier: MIT */
/*
 * The elements of one array within a JSON document, one by one; the document is never kept.
 *
 *	{ "meta": {...}, "items": [ {...}, {...} ], "next": null }      rows: /items
 *	  ^ skipped       ^ found    ^ row  ^ row     ^ skipped
 *
 * Elements are checked strictly; in skipped values only strings and brackets are. An empty
 * document, null in place of the rows or of a value on their path, and a missing member mean that
 * there are no rows; any other value in their place is an error.
 */
#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "source/json_next.h"
#include "source/parser.h"
#include "source/span.h"
#include "text/json_pointer.h"

enum { max_name_bytes = 4096, max_tokens = 512 /* as many bytes as a pointer may have */ };

enum json_array_state {
	BEGIN,	    /* before the document: a byte order mark may come */
	VALUE,	    /* before a value on the path to the rows */
	FIRST,	    /* after the bracket of a container on the path */
	NAME_BEGIN, /* before a member's name */
	NAME,	    /* inside it */
	COLON,	    /* after it */
	PASS_BEGIN, /* before a value that is skipped */
	PASS,	    /* inside it */
	WORD,	    /* inside a null in place of the rows */
	AFTER,	    /* after a value in a container on the path */
	ROWS_FIRST, /* after the bracket of the rows */
	ROW_BEGIN,  /* before an element */
	ROW,	    /* inside it */
	ROW_BAD,    /* before an invalid byte of an element that is too long */
	ROWS_AFTER, /* after an element */
	DONE,	    /* after the document */
};

struct json_array {
	struct parser parser;
	struct {
		char *text;
		struct slice parts[max_tokens]; /* of `text` or `unescaped` */
		unsigned count;
		struct buf unescaped;
	} wanted; /* where the rows are */

	enum json_array_state place;
	unsigned bom;
	unsigned level; /* open containers on the path */
	bool objects[max_tokens];
	uint64_t index; /* of the element in the innermost of them, where it is an array */
	bool here;	/* the value that comes next is the wanted one */
	bool found;
	bool only;     /* an object in place of the array: there is no other row */
	unsigned word; /* bytes of the null seen */
	struct buf name;
	bool escape;
	struct span span;
	bool skipping;
	struct json_next next;
};

static enum parser_step broken(struct json_array *j, struct fault *fault, const char *what)
{
	fault_set(fault, ERR_SOURCE_FAILED, "the JSON document %s, after row %llu", what,
		(unsigned long long)j->parser.number);
	return PARSER_BROKEN;
}

static enum parser_step not_there(struct json_array *j, struct fault *fault, const char *what)
{
	fault_set(fault, ERR_SOURCE_FAILED, "there is no array of rows at \"%s\": %s",
		j->wanted.text, what);
	return PARSER_BROKEN;
}

static enum parser_step go(struct json_array *j, enum json_array_state place, size_t used)
{
	parser_use(&j->parser, used);
	j->place = place;
	return PARSER_AGAIN;
}

static enum parser_step at_begin(struct json_array *j, struct fault *fault)
{
	char c = j->parser.input.p[0];

	if (j->bom < 3 && c == "\xEF\xBB\xBF"[j->bom]) {
		j->bom++;
		return go(j, BEGIN, 1);
	}
	if (j->bom != 0 && j->bom != 3)
		return broken(j, fault, "begins with a broken byte order mark");
	return go(j, VALUE, 0);
}

/* The value that the pointer names, or one on its path. */
static enum parser_step at_value(struct json_array *j, struct fault *fault)
{
	char c = j->parser.input.p[0];

	j->here = false;
	if (c == 'n') {
		j->found = true;
		j->parser.absent = true;
		j->word = 0;
		return go(j, WORD, 0);
	}
	if (j->level == j->wanted.count) {
		j->only = c == '{' && j->parser.object_is_row;
		j->found = j->only;
		if (j->only)
			return go(j, ROW_BEGIN, 0);
		if (c != '[')
			return not_there(j, fault, "the value there is not an array");
		j->found = true;
		return go(j, ROWS_FIRST, 1);
	}
	if (c != '{' && c != '[')
		return not_there(j, fault, "a value on the path is not an object");
	j->objects[j->level++] = c == '{';
	j->index = 0;
	return go(j, FIRST, 1);
}

static bool is_index(struct slice part)
{
	uint64_t index;

	return slice_uint64(part, &index);
}

/* Whether the element that comes next is the one that the pointer names. */
static bool wanted_index(const struct json_array *j)
{
	uint64_t index;

	return !j->found && slice_uint64(j->wanted.parts[j->level - 1], &index) &&
	       index == j->index;
}

static enum parser_step begin_item(struct json_array *j)
{
	if (j->objects[j->level - 1])
		return go(j, NAME_BEGIN, 0);
	return go(j, wanted_index(j) ? VALUE : PASS_BEGIN, 0);
}

static enum parser_step close_container(struct json_array *j, char c, struct fault *fault)
{
	if (j->objects[j->level - 1] != (c == '}'))
		return broken(j, fault, "has brackets that do not match");
	if (!j->found)
		j->parser.absent = true;
	j->level--;
	return go(j, j->level ? AFTER : DONE, 1);
}

static enum parser_step at_first(struct json_array *j, struct fault *fault)
{
	char c = j->parser.input.p[0];

	if (c == '}' || c == ']')
		return close_container(j, c, fault);
	if (!j->objects[j->level - 1] && !is_index(j->wanted.parts[j->level - 1]))
		return not_there(j, fault, "a value on the path is an array");
	return begin_item(j);
}

static enum parser_step at_after(struct json_array *j, struct fault *fault)
{
	char c = j->parser.input.p[0];

	if (c == '}' || c == ']')
		return close_container(j, c, fault);
	if (c != ',')
		return broken(j, fault, "lacks a comma");
	parser_use(&j->parser, 1);
	j->index++;
	return begin_item(j);
}

static enum parser_step at_name_begin(struct json_array *j, struct fault *fault)
{
	if (j->parser.input.p[0] != '"')
		return broken(j, fault, "lacks a member name");
	buf_clear(&j->name);
	buf_char(&j->name, '"');
	j->escape = false;
	return go(j, NAME, 1);
}

/* What the member is: on the path to the rows, or to the next page. */
static void look_at_name(struct json_array *j)
{
	struct slice text = buf_slice(&j->name);
	struct buf decoded = {0};

	j->here = j->next.keeping = false;
	if (json_check(text, &json_row_limits, NULL) == OK) {
		json_decode_string(json_root(text), &decoded);
		j->here = !j->found &&
			  slice_equal(buf_slice(&decoded), j->wanted.parts[j->level - 1]);
		j->next.keeping = !j->here && json_next_is_in(&j->next, j->wanted.parts,
						      j->level - 1, buf_slice(&decoded));
	}
	buf_release(&decoded);
}

static enum parser_step in_name(struct json_array *j, struct fault *fault)
{
	char c = j->parser.input.p[0];

	if (j->name.n == max_name_bytes)
		return broken(j, fault, "has a member name of more than 4096 bytes");
	buf_char(&j->name, c);
	if (j->escape || c != '"') {
		j->escape = !j->escape && c == '\\';
		return go(j, NAME, 1);
	}
	look_at_name(j);
	return go(j, COLON, 1);
}

static enum parser_step at_colon(struct json_array *j, struct fault *fault)
{
	if (j->parser.input.p[0] != ':')
		return broken(j, fault, "lacks a colon");
	return go(j, j->here ? VALUE : PASS_BEGIN, 1);
}

static enum parser_step in_pass(struct json_array *j, struct fault *fault)
{
	size_t n = 0;
	enum span_result result = span_pass(&j->span, j->parser.input, &n);

	j->place = PASS;
	if (result == SPAN_BAD)
		return broken(j, fault, "is not JSON");
	if (j->next.keeping && !json_next_keep(&j->next, slice_of(j->parser.input.p, n)))
		return broken(j, fault, "has too large a value around its next page");
	if (result == SPAN_MORE)
		return go(j, PASS, n);
	if (j->next.keeping && json_next_end(&j->next, j->level - 1, &j->parser.next_page, fault))
		return PARSER_BROKEN;
	return go(j, AFTER, n);
}

static enum parser_step in_word(struct json_array *j, struct fault *fault)
{
	if (j->parser.input.p[0] != "null"[j->word])
		return broken(j, fault, "is not JSON");
	if (++j->word < 4)
		return go(j, WORD, 1);
	return go(j, j->level ? AFTER : DONE, 1);
}

static enum json_array_state behind_row(const struct json_array *j)
{
	if (!j->only)
		return ROWS_AFTER;
	return j->level ? AFTER : DONE;
}

static enum parser_step in_row(struct json_array *j, struct source_row *ret, struct fault *fault)
{
	struct parser *parser = &j->parser;
	size_t n = 0;
	enum span_result result = span_pass(&j->span, parser->input, &n);

	j->place = ROW;
	/* When it comes in pieces, a row may be too long before an error in it is found. */
	if (result == SPAN_BAD && (j->skipping || !parser_over(parser, n)))
		return broken(j, fault, "is not JSON");
	if (result != SPAN_MORE)
		j->place = result == SPAN_BAD ? ROW_BAD : behind_row(j);
	if (j->skipping || parser_over(parser, n)) {
		bool first = !j->skipping;

		parser_use(parser, n);
		j->skipping = result == SPAN_MORE;
		return first ? parser_too_long(parser, fault) : PARSER_AGAIN;
	}
	if (result == SPAN_DONE)
		return parser_json_row(parser, parser_take(parser, n), ret, fault);
	parser_carry(parser, n);
	return PARSER_AGAIN;
}

static enum parser_step at_rows_first(struct json_array *j)
{
	return j->parser.input.p[0] == ']' ? go(j, ROWS_AFTER, 0) : go(j, ROW_BEGIN, 0);
}

static enum parser_step at_rows_after(struct json_array *j, struct fault *fault)
{
	char c = j->parser.input.p[0];

	if (c == ',')
		return go(j, ROW_BEGIN, 1);
	if (c != ']')
		return broken(j, fault, "lacks a comma");
	return go(j, j->level ? AFTER : DONE, 1);
}

static enum parser_step one_step(struct json_array *j, struct source_row *ret, struct fault *fault)
{
	switch (j->place) {
	case BEGIN:
		return at_begin(j, fault);
	case VALUE:
		return at_value(j, fault);
	case FIRST:
		return at_first(j, fault);
	case NAME_BEGIN:
		return at_name_begin(j, fault);
	case NAME:
		return in_name(j, fault);
	case COLON:
		return at_colon(j, fault);
	case PASS_BEGIN:
	case PASS:
		return in_pass(j, fault);
	case WORD:
		return in_word(j, fault);
	case AFTER:
		return at_after(j, fault);
	case ROWS_FIRST:
		return at_rows_first(j);
	case ROW_BEGIN:
	case ROW:
		return in_row(j, ret, fault);
	case ROW_BAD:
		return broken(j, fault, "is not JSON");
	case ROWS_AFTER:
		return at_rows_after(j, fault);
	case DONE:
		break;
	}
	return broken(j, fault, "continues after its end");
}

static void pass_space(struct json_array *j)
{
	struct slice in = j->parser.input;
	size_t n = 0;

	if (j->place == NAME || j->place == PASS || j->place == WORD || j->place == ROW ||
		j->place == ROW_BAD)
		return;
	while (n < in.n &&
		(in.p[n] == ' ' || in.p[n] == '\t' || in.p[n] == '\r' || in.p[n] == '\n'))
		n++;
	parser_use(&j->parser, n);
}

/* Nothing but a byte order mark and white space is a document without rows. */
static bool is_empty(struct json_array *j)
{
	j->parser.absent = j->place == BEGIN && (j->bom == 0 || j->bom == 3);
	return j->parser.absent;
}

static enum parser_step next(struct parser *parser, struct source_row *ret, struct fault *fault)
{
	struct json_array *j = (struct json_array *)parser;
	enum parser_step step;

	do {
		pass_space(j);
		if (parser->input.n)
			step = one_step(j, ret, fault);
		else if (!parser->finished)
			step = PARSER_MORE;
		else if (j->place == DONE || is_empty(j))
			step = PARSER_END;
		else
			step = broken(j, fault, "ends too early");
	} while (step == PARSER_AGAIN);
	return step;
}

static void restart(struct parser *parser)
{
	struct json_array *j = (struct json_array *)parser;

	/* The rest is as before the document that has just ended. */
	j->place = BEGIN;
	j->bom = 0;
	j->found = false;
	j->parser.absent = false;
}

static void release(struct parser *parser)
{
	struct json_array *j = (struct json_array *)parser;

	mem_free(j->wanted.text);
	buf_release(&j->wanted.unescaped);
	buf_release(&j->name);
	json_next_release(&j->next);
}

static void want_next(struct parser *parser, struct slice pointer)
{
	buf_add(&((struct json_array *)parser)->next.pointer, pointer);
}

static const struct parser_ops ops = {
	.next = next, .restart = restart, .release = release, .want_next = want_next};

static void want(struct json_array *j, struct slice rows)
{
	struct slice left = slice_of(j->wanted.text = slice_dup(rows), rows.n);

	buf_reserve(&j->wanted.unescaped, rows.n); /* so that the parts stay where they are */
	assert(rows.n <= max_tokens);
	while (left.n)
		json_pointer_next(&left, &j->wanted.unescaped, &j->wanted.parts[j->wanted.count++]);
}

struct parser *json_array_new(struct slice rows)
{
	struct json_array *j = mem_new(struct json_array);

	j->parser.ops = &ops;
	j->parser.input = slice_of("", 0);
	want(j, rows);
	return &j->parser;
}
