/* SPDX-License-Identifier: MIT */
/*
 * A request's head: the first line is method and target, the others are fields. The decoded parts
 * of a target lie in its text.
 */
#include <stdlib.h>

#include "fuzz.h"
#include "http/gate.h"
#include "http/uri.h"

static void check_inside(struct slice part, const char *text, size_t n)
{
	FUZZ_CHECK(part.n == 0 || (part.p >= text && part.p + part.n <= text + n));
}

static void check_target(struct slice target, struct uri *uri)
{
	static const struct route route = {.method = "GET", .path = "/", .query = "limit cursor"};
	char *text = fuzz_copy(target);
	struct fault fault;

	if (uri_parse(text, target.n, uri, &fault) == OK) {
		for (size_t i = 0; i < uri->segment_count; i++)
			check_inside(uri->segments[i], text, target.n);
		for (size_t i = 0; i < uri->parameter_count; i++) {
			check_inside(uri->parameters[i].name, text, target.n);
			check_inside(uri->parameters[i].value, text, target.n);
		}
		gate_query(uri, &route, &fault);
	}
	free(text);
}

static void check_fields(struct slice method, struct slice fields)
{
	static const struct slice names[] = {SLICE("cache.test")};
	static const struct route routes[] = {{.flags = ROUTE_JSON}, {.flags = ROUTE_BYTES}, {0}};
	struct gate_hosts hosts = {names, 1, false, false};
	struct head head;
	struct fault fault;

	head_begin(&head, method);
	while (fields.n) {
		struct slice line = fuzz_until(&fields, '\n'), name = fuzz_until(&line, ':');

		head_add(&head, name, line);
	}
	if (gate_method(method, &fault) || gate_fields(&head, &fault))
		return;
	gate_host(&head, &hosts, &fault);
	gate_origin_of_change(&head, &fault);
	if (gate_framing(&head, &fault))
		return;
	FUZZ_CHECK(head.length >= 0);
	for (size_t i = 0; i < sizeof routes / sizeof *routes; i++)
		if (gate_body(&head, &routes[i], 1000, &fault) == OK)
			FUZZ_CHECK(head.length <= 1000);
}

void fuzz_one(struct slice input)
{
	struct slice line = fuzz_until(&input, '\n'), method = fuzz_until(&line, ' ');
	struct uri uri;

	check_target(line, &uri);
	check_fields(method, input);
}
