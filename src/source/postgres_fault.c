/* SPDX-License-Identifier: MIT */
/* Sentences about PostgreSQL's errors; see postgres_fault.h. */
#include "source/postgres_fault.h"

#include <string.h>

#include "base/buf.h"

/* Classes of SQLSTATE that tell that the server, not the query, is at fault. */
static const char *const unwell[] = {
	"08", /* connection */
	"28", /* it does not let us in */
	"53", /* resources */
	"57", /* it was shut down, or the query was cancelled */
	"58", /* system */
	"F0", /* its configuration */
	"XX", /* internal */
};

static bool is_answer(const char *state)
{
	for (size_t i = 0; i < sizeof unwell / sizeof *unwell; i++)
		if (strncmp(state, unwell[i], 2) == 0)
			return false;
	return true;
}

/* As one line of printable text. */
static void add_line(struct buf *out, struct slice rest)
{
	while (rest.n && strchr(" \t\r\n", rest.p[rest.n - 1]))
		rest.n--;
	for (size_t i = 0; i < rest.n; i++) {
		unsigned char c = (unsigned char)rest.p[i];

		if (c >= 32 && c != 127)
			buf_char(out, rest.p[i]);
		else if (out->n && out->p[out->n - 1] != ' ')
			buf_char(out, ' ');
	}
}

static struct slice first_line(const char *text)
{
	return slice_of(text, strcspn(text, "\n"));
}

static void tell_aside(struct slice said, const char *hint, struct fault *fault)
{
	struct buf line = {0};

	add_line(&line, said);
	if (hint) {
		buf_str(&line, " (");
		add_line(&line, slice_str(hint));
		buf_char(&line, ')');
	}
	if (line.n)
		fault_aside(fault, "; PostgreSQL said: %s", line.p);
	buf_release(&line);
}

/* " at line 2, column 8" of the query, where PostgreSQL tells a position; it counts characters. */
static void add_place(const PGresult *result, const char *query, struct buf *out)
{
	const char *text = PQresultErrorField(result, PG_DIAG_STATEMENT_POSITION);
	int64_t position;
	unsigned line = 1, column = 1;

	if (!query || !text || !slice_int64(slice_str(text), &position))
		return;
	for (const char *p = query; *p && position > 1; p++) {
		column++;
		if (*p == '\n') {
			line++;
			column = 1;
		}
		/* The bytes that continue a character of UTF-8 do not count. */
		if (((unsigned char)p[1] >> 6) != 2)
			position--;
		else
			column--;
	}
	buf_printf(out, " at line %u, column %u", line, column);
}

bool postgres_fault_is_last(const PGresult *result)
{
	const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);

	return severity && (!strcmp(severity, "FATAL") || !strcmp(severity, "PANIC"));
}

enum error postgres_fault_query(const PGresult *result, const struct conf_source *conf,
	const char *query, bool *ret_answered, struct fault *fault)
{
	const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const char *said = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	struct buf place = {0};

	*ret_answered = state && is_answer(state);
	/* Whether the server's last message or the end of the connection is met first is chance. */
	if (!state || postgres_fault_is_last(result))
		fault_set(fault, ERR_SOURCE_FAILED, "the connection to PostgreSQL was lost%s%.5s",
			state ? " with SQLSTATE " : "", state ? state : "");
	else if (strcmp(state, "57014") == 0)
		fault_set(fault, ERR_SOURCE_FAILED,
			"the server cancelled the query (SQLSTATE 57014), as it does after "
			"statement_timeout (%lld ms)",
			(long long)conf->statement_timeout_ms);
	else {
		add_place(result, query, &place);
		fault_set(fault, ERR_SOURCE_FAILED, "the query failed%s with SQLSTATE %.5s",
			place.n ? place.p : "", state);
	}
	/* libpq's own messages have more lines, of what else then failed and what it may mean. */
	tell_aside(said ? slice_str(said) : first_line(PQresultErrorMessage(result)),
		PQresultErrorField(result, PG_DIAG_MESSAGE_HINT), fault);
	buf_release(&place);
	return ERR_SOURCE_FAILED;
}

/*
 * The context of such an error is one line, "unnamed portal parameter $1 = '...'" or a translation
 * of it; others that hold a dollar quote a statement or are of several lines.
 */
unsigned postgres_fault_param(const PGresult *result)
{
	const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const char *context = PQresultErrorField(result, PG_DIAG_CONTEXT);
	const char *dollar = context ? strchr(context, '$') : NULL;
	unsigned n = 0;

	if (!state || strncmp(state, "22", 2) != 0 || !dollar || strpbrk(context, "\n\""))
		return 0;
	for (const char *p = dollar + 1; *p >= '0' && *p <= '9' && n < 1000; p++)
		n = n * 10 + (unsigned)(*p - '0');
	return n;
}

/* libpq quotes a dsn that it cannot read, and there may be a password in it. */
static bool may_hold_secret(const char *dsn)
{
	return strchr(dsn, '@') || strcasestr(dsn, "password");
}

enum error postgres_fault_connect(
	const PGconn *pg, const struct conf_source *conf, struct fault *fault)
{
	char *why = NULL;
	PQconninfoOption *options = PQconninfoParse(conf->dsn, &why);

	if (options)
		fault_set(fault, ERR_SOURCE_FAILED, "cannot connect to PostgreSQL");
	else
		fault_set(fault, ERR_SOURCE_FAILED,
			"cannot connect to PostgreSQL: the dsn is neither keyword=value pairs nor "
			"a URL that libpq understands");
	if (options || !may_hold_secret(conf->dsn))
		tell_aside(slice_str(options || !why ? PQerrorMessage(pg) : why), NULL, fault);
	PQconninfoFree(options);
	PQfreemem(why);
	return ERR_SOURCE_FAILED;
}
