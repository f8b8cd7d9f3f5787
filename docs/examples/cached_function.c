/* SPDX-License-Identifier: MIT */
/* A slow function with cached results; concurrent callers compute a result once. */
#include "example.h"

/* The slow function. It writes its result into `output`; false would mean that it failed. */
static bool compute_report(void *context, struct cw_output *output)
{
	const int *year = context;

	printf("computing the report of %d\n", *year);
	cw_output_printf(output, "{\"year\":%d,\"sales\":%d}", *year, *year * 3);
	return true;
}

/* The same function, cached for an hour for each argument. */
static void report(struct cw_cache *cache, int year, struct cw_value *ret)
{
	const struct cw_load how = {.load = compute_report, .context = &year, .ttl = 3600};
	struct cw_key key;

	must(CW_KEY(&key, &error, "report", cw_int(year)));
	must(cw_result(cache, cw_key_bytes(&key), &how, ret, &error));
}

int main(void)
{
	struct cw_cache *cache = open_cache(NULL);
	struct cw_value value;

	report(cache, 2024, &value);
	show("first", &value);
	report(cache, 2024, &value);
	show("again", &value);
	report(cache, 2025, &value);
	show("another", &value);
	cw_close(cache);
	return 0;
}
/*
 * computing the report of 2024
 * first: {"year":2024,"sales":6072} (miss)
 * again: {"year":2024,"sales":6072} (hit)
 * computing the report of 2025
 * another: {"year":2025,"sales":6075} (miss)
 */
