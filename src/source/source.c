/* SPDX-License-Identifier: MIT */
/*
 * A source is a transport that gives bytes and a parser that makes rows of them; see source.h.
 *
 *	file, command, http --read()--> bytes --parser_feed()--> jsonl, json, csv --> row
 *	postgres --next_row()--> row
 *
 * Each use of a source counts once for its breaker: a failure, or an answer about its key only,
 * when it occurs; a success when the source is closed after its end or after a row.
 */
#include "source/source.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/mem.h"
#include "base/timeslice.h"
#include "source/parser.h"
#include "source/repeats.h"
#include "source/sniff.h"
#include "source/sources.h"
#include "source/transport.h"

enum { rest_bytes = 1024 }; /* take about a microsecond */

struct source {
	struct sources *sources;
	struct source_call call; /* a copy */
	struct arena texts;	 /* its parameters */
	struct transport *transport;
	struct parser *parser; /* NULL: the transport gives rows */
	uint64_t number;       /* of the last row */
	uint64_t rows_before;  /* this document */
	struct sources_use use;
	bool given; /* a row */
	struct timeslice timeslice;
	struct sniff sniff;
	struct repeats repeats; /* if it is paged */
	bool ended;
	bool failed;
	bool unreadable; /* the document cannot be parsed */
};

static const struct transport_ops *transport_of(const struct conf_source *conf)
{
	switch (conf->type) {
	case SOURCE_FILE:
		return &file_transport;
	case SOURCE_COMMAND:
		return &command_transport;
	case SOURCE_HTTP:
		return &http_transport;
	case SOURCE_POSTGRES:
		break;
	}
	return &postgres_transport;
}

static void copy_call(struct source *source, const struct source_call *call)
{
	struct source_param *params =
		arena_alloc(&source->texts, call->param_count * sizeof *params);

	for (size_t i = 0; i < call->param_count; i++) {
		params[i].name = arena_slice(&source->texts, call->params[i].name);
		params[i].value = arena_slice(&source->texts, call->params[i].value);
	}
	source->call = *call;
	source->call.params = params;
}

static void source_free(struct source *source)
{
	arena_release(&source->texts);
	parser_free(source->parser);
	mem_free(source);
}

/* Prefixes the sentence with the source's name. */
static enum error name_fault(const struct source *source, enum error error, struct fault *fault)
{
	struct fault was;

	if (!fault)
		return error;
	was = *fault;
	fault_at(fault, error, was.pointer, "source %.100s: %s", source->call.conf->name,
		was.detail);
	memcpy(fault->aside, was.aside, sizeof was.aside);
	return error;
}

static void end_use(const struct source *source, enum sources_outcome outcome, const char *why)
{
	sources_leave(source->sources, &source->use, outcome, why);
}

static bool answered(const struct source *source)
{
	return source->unreadable || (source->transport && source->transport->answered);
}

/* Ends the use of the source by an error, other than one of a single row. */
static enum error fail(struct source *source, enum error error, struct fault *fault)
{
	source->failed = true;
	if (error != ERR_NO_VALUE && error != ERR_SOURCE_FAILED && error != ERR_TIMEOUT)
		end_use(source, USE_LEFT, "");
	else if (answered(source))
		end_use(source, USE_ANSWERED, "");
	else if (error == ERR_NO_VALUE)
		end_use(source, USE_SUCCEEDED, "");
	else
		end_use(source, USE_FAILED, fault->detail);
	return name_fault(source, error, fault);
}

static void make_parser(struct source *source)
{
	const struct conf_source *conf = source->call.conf;

	if (source->transport->ops->next_row)
		return;
	source->parser = parser_new(conf->format, conf->rows, (size_t)source->call.max_row_bytes);
	source->parser->object_is_row = source->call.lookup || !conf->paged;
	if (conf->delimiter)
		source->parser->delimiter = conf->delimiter;
	if (conf->paged && conf->pages_by == PAGES_POINTER)
		parser_want_next(source->parser, conf->pages_next);
}

enum error source_open(struct sources *sources, const struct source_call *call, struct source **ret,
	struct fault *fault)
{
	const struct conf_source *conf = call->conf;
	struct source *source = mem_new(struct source);
	struct fault own;

	assert(call->max_row_bytes > 0);
	fault = fault ? fault : &own;
	source->sources = sources;
	copy_call(source, call);
	source->use = sources_use(&source->call);
	enum error error = sources_enter(sources, &source->use, fault);
	if (error) {
		name_fault(source, error, fault);
		goto out;
	}
	error = transport_of(conf)->open(sources, &source->call, &source->transport, fault);
	if (error) {
		fail(source, error, fault);
		goto out;
	}
	make_parser(source);
	*ret = source;
	return OK;
out:
	source_free(source);
	return error;
}

/* Feeds the parser with more bytes, or with the end. */
static enum error feed(struct source *source, struct fault *fault)
{
	struct slice piece;

	if (clock_mono_ms() >= source->call.deadline)
		return transport_waited(ERR_TIMEOUT, "end", fault);
	enum error error = source->transport->ops->read(source->transport, &piece, fault);
	/* Many bytes may be available, without a row among them. */
	if (!error && timeslice_spend(&source->timeslice, 1 + piece.n / rest_bytes))
		error = transport_waited(ERR_CANCELLED, "end", fault);
	if (error)
		return error;
	if (source->transport->unchanged) {
		source->ended = true;
		return OK;
	}
	const char *instead = sniff_look(&source->sniff, piece);
	if (instead) {
		source->unreadable = true;
		return fault_set(fault, ERR_SOURCE_FAILED, "the text %s", instead);
	}
	if (piece.n)
		parser_feed(source->parser, piece);
	else
		parser_finish(source->parser);
	return OK;
}

/* After the end of a document: begins the next one, if any. */
static enum error next_document(struct source *source, struct fault *fault)
{
	const struct transport_ops *ops = source->transport->ops;
	uint64_t rows = source->parser->number - source->rows_before;
	bool more = false;
	enum error error = repeats_page(&source->repeats, source->call.conf, rows, fault);

	source->unreadable = error != OK;
	struct transport_document ended = {
		.rows = rows, .next = buf_slice(&source->parser->next_page)};

	if (!error && ops->next_document)
		error = ops->next_document(source->transport, &ended, &more, fault);
	source->ended = !error && !more;
	source->rows_before = source->parser->number;
	source->sniff = (struct sniff){0};
	if (more)
		parser_restart(source->parser);
	if (error || more || !source->call.lookup || !source->parser->absent)
		return error;
	return fault_set(fault, ERR_NO_VALUE, "the answer has nothing where the value should be");
}

/* The next row of a transport that gives rows. */
static enum error take_row(struct source *source, struct source_row *ret, struct fault *fault)
{
	struct fault why;
	enum error error =
		source->transport->ops->next_row(source->transport, ret, &source->ended, &why);

	if (!error && source->ended)
		return OK;
	if (!error || error == ERR_SOURCE_ROW)
		ret->number = ++source->number;
	if (error == ERR_SOURCE_ROW)
		return fault_set(fault, ERR_SOURCE_ROW, "row %llu %s",
			(unsigned long long)source->number, why.detail);
	if (error)
		*fault = why;
	return error;
}

/* Reads until there is a row, an error or the end. */
static enum error parse_row(struct source *source, struct source_row *ret, struct fault *fault)
{
	enum error error = OK;

	while (!error && !source->ended) {
		switch (parser_next(source->parser, ret, fault)) {
		case PARSER_ROW:
			if (source->call.conf->paged)
				repeats_row(&source->repeats, ret);
			return OK;
		case PARSER_BAD:
			return ERR_SOURCE_ROW;
		case PARSER_BROKEN:
			source->unreadable = true;
			return ERR_SOURCE_FAILED;
		case PARSER_END:
			error = next_document(source, fault);
			break;
		case PARSER_MORE:
		case PARSER_AGAIN:
			error = feed(source, fault);
			break;
		}
	}
	return error;
}

enum error source_next(
	struct source *source, struct source_row *ret, bool *ret_end, struct fault *fault)
{
	struct fault own;

	assert(!source->failed && !source->ended);
	fault = fault ? fault : &own;
	*ret_end = false;
	enum error error =
		source->parser ? parse_row(source, ret, fault) : take_row(source, ret, fault);
	if (source->parser)
		source->number = source->parser->number;
	if (error == ERR_SOURCE_ROW)
		return name_fault(source, error, fault);
	if (error)
		return fail(source, error, fault);
	source->given = source->given || !source->ended;
	*ret_end = source->ended;
	return OK;
}

int64_t source_retry_after_ms(const struct source *source)
{
	return source->transport->retry_after_ms;
}

uint64_t source_total(const struct source *source)
{
	const struct transport *transport = source->transport;
	int64_t used = transport->taken;

	if (source->parser)
		used -= (int64_t)source->parser->input.n;
	if (transport->total_rows || transport->size <= 0 || used <= 0)
		return transport->total_rows;
	/* As long as those that were read, on average. */
	return (uint64_t)((double)source->number * (double)transport->size / (double)used);
}

bool source_unchanged(const struct source *source)
{
	return source->transport->unchanged;
}

const char *source_etag(const struct source *source)
{
	return source->transport->etag;
}

bool source_rows_absent(const struct source *source)
{
	return source->parser && source->parser->absent;
}

void source_close(struct source *source)
{
	if (!source)
		return;
	/* After a failure the use has ended already. */
	if (!source->failed)
		end_use(source,
			source->ended || source->given ? USE_SUCCEEDED
			: source->number	       ? USE_ANSWERED
						       : USE_LEFT,
			"");
	source->transport->ops->close(source->transport);
	source_free(source);
}
