/* SPDX-License-Identifier: MIT */
/* What the row formats share; see parser.h. */
#include "source/parser.h"

#include <assert.h>

#include "base/mem.h"

static struct parser *create(enum conf_format format, struct slice rows)
{
	switch (format) {
	case FORMAT_JSONL:
		return jsonl_new();
	case FORMAT_CSV:
		return csv_new();
	case FORMAT_JSON:
		break;
	}
	return json_array_new(rows);
}

struct parser *parser_new(enum conf_format format, struct slice rows, size_t max_row_bytes)
{
	struct parser *parser = create(format, rows);

	parser->max_row_bytes = max_row_bytes;
	return parser;
}

void parser_free(struct parser *parser)
{
	if (!parser)
		return;
	if (parser->ops->release)
		parser->ops->release(parser);
	buf_release(&parser->carry);
	buf_release(&parser->next_page);
	mem_free(parser);
}

void parser_want_next(struct parser *parser, struct slice pointer)
{
	parser->ops->want_next(parser, pointer);
}

void parser_feed(struct parser *parser, struct slice piece)
{
	assert(parser->input.n == 0 && !parser->finished);
	parser->input = piece;
}

void parser_finish(struct parser *parser)
{
	parser->finished = true;
}

enum parser_step parser_next(struct parser *parser, struct source_row *ret, struct fault *fault)
{
	if (parser->carry_used) {
		buf_clear(&parser->carry);
		parser->carry_used = false;
	}
	return parser->ops->next(parser, ret, fault);
}

void parser_restart(struct parser *parser)
{
	buf_clear(&parser->carry);
	buf_clear(&parser->next_page);
	parser->carry_used = false;
	parser->finished = false;
	parser->input = slice_of("", 0);
	parser->ops->restart(parser);
}

void parser_use(struct parser *parser, size_t n)
{
	parser->input.p += n;
	parser->input.n -= n;
}

bool parser_over(const struct parser *parser, size_t n)
{
	return parser->carry.n + n > parser->max_row_bytes;
}

void parser_carry(struct parser *parser, size_t n)
{
	buf_append(&parser->carry, parser->input.p, n);
	parser_use(parser, n);
}

struct slice parser_take(struct parser *parser, size_t n)
{
	struct slice row = slice_of(parser->input.p, n);

	if (parser->carry.n == 0) {
		parser_use(parser, n);
		return row;
	}
	parser_carry(parser, n);
	parser->carry_used = true;
	return buf_slice(&parser->carry);
}

enum parser_step parser_too_long(struct parser *parser, struct fault *fault)
{
	parser->number++;
	buf_release(&parser->carry);
	fault_set(fault, ERR_SOURCE_ROW, "row %llu has more than %zu bytes",
		(unsigned long long)parser->number, parser->max_row_bytes);
	return PARSER_BAD;
}

enum parser_step parser_json_row(
	struct parser *parser, struct slice text, struct source_row *ret, struct fault *fault)
{
	struct fault why;

	parser->number++;
	if (json_check(text, &json_row_limits, &why)) {
		fault_at(fault, ERR_SOURCE_ROW, why.pointer, "row %llu is not JSON: %.400s",
			(unsigned long long)parser->number, why.detail);
		return PARSER_BAD;
	}
	*ret = (struct source_row){
		.kind = ROW_JSON, .json = json_root(text), .number = parser->number};
	return PARSER_ROW;
}
