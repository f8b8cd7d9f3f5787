/* SPDX-License-Identifier: MIT */
/* One JSON value a line. Blank lines, a byte order mark and CR before LF are skipped. */
#include <string.h>

#include "base/mem.h"
#include "source/parser.h"

struct jsonl {
	struct parser parser;
	bool started;  /* the first line was read */
	bool skipping; /* inside a line that is too long */
};

static struct slice trim(struct jsonl *jsonl, struct slice line)
{
	if (!jsonl->started && slice_starts(line, SLICE("\xEF\xBB\xBF")))
		line = slice_skip(line, 3);
	while (line.n && strchr(" \t\r", line.p[line.n - 1]) && line.p[line.n - 1])
		line.n--;
	jsonl->started = true;
	return line;
}

/* The rest of a line that is too long. */
static enum parser_step skip(struct jsonl *jsonl)
{
	struct parser *parser = &jsonl->parser;
	const char *end = memchr(parser->input.p, '\n', parser->input.n);

	if (!end) {
		parser_use(parser, parser->input.n);
		return parser->finished ? PARSER_END : PARSER_MORE;
	}
	parser_use(parser, (size_t)(end - parser->input.p) + 1);
	jsonl->skipping = false;
	return PARSER_AGAIN;
}

static enum parser_step one_line(struct jsonl *jsonl, struct source_row *ret, struct fault *fault)
{
	struct parser *parser = &jsonl->parser;
	const char *end = memchr(parser->input.p, '\n', parser->input.n);
	size_t n = end ? (size_t)(end - parser->input.p) : parser->input.n;

	if (parser_over(parser, n)) {
		jsonl->skipping = jsonl->started = true;
		return parser_too_long(parser, fault);
	}
	if (!end && !parser->finished) {
		parser_carry(parser, n);
		return PARSER_MORE;
	}
	if (!end && parser->carry.n + n == 0)
		return PARSER_END;
	struct slice line = trim(jsonl, parser_take(parser, n));
	if (end)
		parser_use(parser, 1);
	if (line.n)
		return parser_json_row(parser, line, ret, fault);
	if (parser->carry_used)
		buf_clear(&parser->carry);
	parser->carry_used = false;
	return PARSER_AGAIN;
}

static enum parser_step next(struct parser *parser, struct source_row *ret, struct fault *fault)
{
	struct jsonl *jsonl = (struct jsonl *)parser;
	enum parser_step step;

	do {
		if (!parser->input.n && !parser->finished)
			return PARSER_MORE;
		step = jsonl->skipping ? skip(jsonl) : one_line(jsonl, ret, fault);
	} while (step == PARSER_AGAIN);
	return step;
}

static void restart(struct parser *parser)
{
	struct jsonl *jsonl = (struct jsonl *)parser;

	jsonl->started = jsonl->skipping = false;
}

static const struct parser_ops ops = {.next = next, .restart = restart};

struct parser *jsonl_new(void)
{
	struct jsonl *jsonl = mem_new(struct jsonl);

	jsonl->parser.ops = &ops;
	jsonl->parser.input = slice_of("", 0);
	return &jsonl->parser;
}
