/* SPDX-License-Identifier: MIT */
/* Without Redis: cached functions still return results, other calls fail quickly. */
#include "example.h"

static bool load(void *context, struct cw_output *output)
{
	(void)context;
	cw_output_printf(output, "from the database");
	return true;
}

int main(void)
{
	const struct cw_options nowhere = {.url = "unix:///nowhere/redis.sock"};
	const struct cw_load how = {.load = load};
	struct cw_value value;

	/* cw_open() does not connect, so that a program can start before Redis does. */
	struct cw_cache *cache = cw_open(&nowhere, &error);
	if (!cache)
		must(error.status);
	/* A cached function still returns its result; `bypass`: it was not stored. */
	for (int i = 0; i < 2; i++) {
		must(cw_result(cache, cw_str("fallback:1"), &how, &value, &error));
		show("result", &value);
	}
	/* Calls that need Redis return an error. */
	if (cw_get(cache, cw_str("fallback:1"), &value, &error))
		printf("get: %s\n", error.code);
	if (cw_ping(cache, &error))
		printf("ping: %s\n", error.code);
	cw_close(cache);
	return 0;
}
/*
 * result: from the database (bypass)
 * result: from the database (bypass)
 * get: redis_unavailable
 * ping: redis_unavailable
 */
