/* SPDX-License-Identifier: MIT */
/* Query parameters that several lists take. */
#ifndef CW_API_LIST_QUERY_H
#define CW_API_LIST_QUERY_H

#include "http/request.h"

enum { LIST_QUERY_LIMIT = 100, LIST_QUERY_MAX = 1000 };

/* A text that must not be empty; *ret stays as it is if it is absent. */
enum error list_query_text(
	const struct request *request, const char *name, struct slice *ret, struct fault *fault);

/* true or false; *ret_given is whether it is there. */
enum error list_query_maybe(const struct request *request, const char *name, bool *ret_given,
	bool *ret, struct fault *fault);

/* `since`, `until` and `by` of a list, and its `limit` and `cursor`. */
struct list_query {
	int64_t since_wall_ms, until_wall_ms; /* -1 = open */
	struct slice by, cursor;	      /* empty = any, none */
	int64_t limit;
};
enum error list_query(const struct request *request, struct list_query *ret, struct fault *fault);

#endif
