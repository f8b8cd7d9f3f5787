/* SPDX-License-Identifier: MIT */
/*
 * Finds the row of the route table for a method and a decoded target.
 *
 * The first row that matches is used, so a row with a literal segment stands before one with a
 * {name}. A {name} matches any segment that is not empty.
 */
#ifndef CW_HTTP_ROUTER_H
#define CW_HTTP_ROUTER_H

#include "base/fault.h"
#include "http/route.h"
#include "http/uri.h"

enum { ROUTER_MAX_ALLOW = 64 };

struct router;

/* `routes` ends with a row without method and outlives the router. */
struct router *router_new(const struct route *routes);
void router_free(struct router *router);
size_t router_count(const struct router *router);

struct router_match {
	const struct route *route; /* NULL = none matches */
	size_t index;		   /* the row's */
	/* The methods of the path, "GET, HEAD, POST", if the path matches but not the method. */
	char allow[ROUTER_MAX_ALLOW];
};

/* ERR_NOT_FOUND, or ERR_METHOD_NOT_ALLOWED with ret->allow. HEAD finds rows of GET. */
enum error router_match(const struct router *router, struct slice method, const struct uri *uri,
	struct router_match *ret, struct fault *fault);

/* The segment that stands for {name} in the row's path; asserts that the row has it. */
struct slice router_segment(
	const struct router *router, size_t index, const struct uri *uri, const char *name);

#endif
