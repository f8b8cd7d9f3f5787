/* SPDX-License-Identifier: MIT */
/*
 * An HTTP endpoint with cached responses: GET by path and query, shared by all clients; other
 * methods are not cached. The HTTP server is left out; it would call serve().
 */
#define _POSIX_C_SOURCE 200809L
#include "example.h"

enum { max_params = 16 };

struct request {
	const char *method, *path, *query;
};

/* The application's handler: slow, with the same response for the same request. */
static bool handle(void *context, struct cw_output *output)
{
	const struct request *request = context;

	printf("  handling %s?%s\n", request->path, request->query);
	cw_output_printf(output, "[\"%s\"]", request->query);
	return true;
}

/* "b=2&a=1" and "a=1&b=2" give the same key: named parts are sorted. */
static void key_of(const struct request *request, struct cw_key *ret)
{
	struct cw_part parts[1 + max_params] = {cw_text(request->path)};
	char *query = strdup(request->query), *rest = query, *param;
	size_t count = 1;

	while ((param = strtok_r(rest, "&", &rest)) && count <= max_params) {
		char *value = strchr(param, '=');

		if (value)
			*value++ = '\0';
		parts[count++] = cw_named(param, cw_text(value ? value : ""));
	}
	must(cw_key_make(cw_str("endpoint"), parts, count, ret, &error));
	free(query);
}

static void serve(struct cw_cache *cache, struct request request)
{
	const struct cw_bytes tag = cw_str(request.path);
	const struct cw_load how = {
		.load = handle, .context = &request, .ttl = 60, .tags = cw_list(&tag, 1)};
	const struct cw_invalidation path = {.tags = cw_list(&tag, 1)};
	struct cw_value body;
	struct cw_key key;

	printf("%s %s?%s\n", request.method, request.path, request.query);
	if (strcmp(request.method, "GET") != 0) {
		/* All responses of this path were stored with the path as a tag. */
		must(cw_invalidate(cache, &path, NULL, &error));
		return;
	}
	key_of(&request, &key);
	must(cw_result(cache, cw_key_bytes(&key), &how, &body, &error));
	show("  200", &body);
}

int main(void)
{
	struct cw_cache *cache = open_cache(NULL);

	serve(cache, (struct request){"GET", "/products", "page=1&sort=name"});
	serve(cache, (struct request){"GET", "/products", "sort=name&page=1"});
	serve(cache, (struct request){"POST", "/products", ""});
	serve(cache, (struct request){"GET", "/products", "page=1&sort=name"});
	cw_close(cache);
	return 0;
}
/*
 * GET /products?page=1&sort=name
 *   handling /products?page=1&sort=name
 *   200: ["page=1&sort=name"] (miss)
 * GET /products?sort=name&page=1
 *   200: ["page=1&sort=name"] (hit)
 * POST /products?
 * GET /products?page=1&sort=name
 *   handling /products?page=1&sort=name
 *   200: ["page=1&sort=name"] (miss)
 */
