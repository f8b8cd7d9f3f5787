/* SPDX-License-Identifier: MIT */
/* The route table, cut into segments once. */
#include "http/router.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

struct segment {
	struct slice text; /* of a parameter: its name */
	bool parameter;
};

struct row {
	const struct route *route;
	struct slice method;
	struct segment segments[URI_MAX_SEGMENTS];
	size_t segment_count;
};

struct router {
	struct row *rows;
	size_t count;
};

static void row_init(struct row *row, const struct route *route)
{
	const char *at = route->path;

	assert(*at == '/');
	row->route = route;
	row->method = slice_str(route->method);
	while (*at == '/') {
		struct segment *segment = &row->segments[row->segment_count++];
		size_t n = strcspn(++at, "/");

		assert(row->segment_count <= URI_MAX_SEGMENTS);
		segment->text = slice_of(at, n);
		segment->parameter = n > 2 && at[0] == '{' && at[n - 1] == '}';
		if (segment->parameter)
			segment->text = slice_of(at + 1, n - 2);
		at += n;
	}
}

struct router *router_new(const struct route *routes)
{
	struct router *router = mem_new(struct router);

	while (routes[router->count].method)
		router->count++;
	router->rows = mem_array(router->count, sizeof *router->rows);
	for (size_t i = 0; i < router->count; i++)
		row_init(&router->rows[i], &routes[i]);
	return router;
}

void router_free(struct router *router)
{
	if (!router)
		return;
	mem_free(router->rows);
	mem_free(router);
}

size_t router_count(const struct router *router)
{
	return router->count;
}

/* From the last segment on, since most paths begin alike. */
static bool path_fits(const struct row *row, const struct uri *uri)
{
	if (row->segment_count != uri->segment_count)
		return false;
	for (size_t i = row->segment_count; i-- > 0;) {
		const struct segment *segment = &row->segments[i];

		if (segment->parameter ? uri->segments[i].n == 0
				       : !slice_equal(segment->text, uri->segments[i]))
			return false;
	}
	return true;
}

static void add_allowed(char *allow, const char *method)
{
	size_t n = strlen(allow);
	bool get = strcmp(method, "GET") == 0;

	snprintf(allow + n, ROUTER_MAX_ALLOW - n, "%s%s%s", n ? ", " : "", method,
		get ? ", HEAD" : "");
}

enum error router_match(const struct router *router, struct slice method, const struct uri *uri,
	struct router_match *ret, struct fault *fault)
{
	struct slice wanted = slice_is(method, "HEAD") ? SLICE("GET") : method;

	ret->route = NULL;
	ret->allow[0] = '\0';
	for (size_t i = 0; i < router->count; i++) {
		const struct row *row = &router->rows[i];

		if (!path_fits(row, uri))
			continue;
		if (slice_equal(row->method, wanted)) {
			ret->route = row->route;
			ret->index = i;
			return OK;
		}
		add_allowed(ret->allow, row->route->method);
	}
	if (ret->allow[0])
		return fault_set(fault, ERR_METHOD_NOT_ALLOWED, "this path accepts %s", ret->allow);
	return fault_set(fault, ERR_NOT_FOUND, "no such path; docs/api.md lists all");
}

struct slice router_segment(
	const struct router *router, size_t index, const struct uri *uri, const char *name)
{
	const struct row *row = &router->rows[index];

	for (size_t i = 0; i < row->segment_count; i++)
		if (row->segments[i].parameter && slice_is(row->segments[i].text, name))
			return uri->segments[i];
	assert(!"the route has no segment of that name");
	return slice_of("", 0);
}
