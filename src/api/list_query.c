/* SPDX-License-Identifier: MIT */
/* Query parameters that several lists take; see list_query.h. */
#include "api/list_query.h"

#include "base/clock.h"
#include "base/timestamp.h"
#include "text/quantity.h"

/* ISO 8601, or a duration such as `8h` = that long ago; *ret stays as it is if it is absent. */
static enum error list_query_time(
	const struct request *request, const char *name, int64_t *ret, struct fault *fault)
{
	struct slice text;
	int64_t ago;

	if (!request_query(request, name, &text))
		return OK;
	if (quantity_parse_duration(text, &ago) == NULL) {
		*ret = clock_wall_ms() - ago;
		return OK;
	}
	const char *why = timestamp_parse(text, ret);
	return why ? fault_set(fault, ERR_BAD_PARAMETER,
			     "the parameter %s %s, or a duration before now, such as 8h", name, why)
		   : OK;
}

enum error list_query_text(
	const struct request *request, const char *name, struct slice *ret, struct fault *fault)
{
	if (request_query(request, name, ret) && ret->n == 0)
		return fault_set(
			fault, ERR_BAD_PARAMETER, "the parameter %s must not be empty", name);
	return OK;
}

enum error list_query_maybe(const struct request *request, const char *name, bool *ret_given,
	bool *ret, struct fault *fault)
{
	struct slice text;

	*ret_given = request_query(request, name, &text);
	return request_query_bool(request, name, ret, fault);
}

enum error list_query(const struct request *request, struct list_query *ret, struct fault *fault)
{
	*ret = (struct list_query){
		.since_wall_ms = -1, .until_wall_ms = -1, .limit = LIST_QUERY_LIMIT};
	enum error error = list_query_time(request, "since", &ret->since_wall_ms, fault);

	if (!error)
		error = list_query_time(request, "until", &ret->until_wall_ms, fault);
	if (!error)
		error = list_query_text(request, "by", &ret->by, fault);
	if (!error)
		error = request_query_int(request, "limit", 1, LIST_QUERY_MAX, &ret->limit, fault);
	if (!error)
		request_query(request, "cursor", &ret->cursor);
	return error;
}
