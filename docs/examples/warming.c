/* SPDX-License-Identifier: MIT */
/*
 * Warming by the daemon, which reads the source; this program reads the cache.
 *
 *	this program --HTTP, by curl--> cachewardend --> source -> Redis <-- this program
 *
 * CACHEWARDEN_URL is the address of the daemon, whose job `products` stores product:*.
 */
#define _POSIX_C_SOURCE 200809L
#include "example.h"

#include <sys/wait.h>

/* Runs the job and waits for its end. With `strict`, curl fails if the job failed. */
static bool warm(void)
{
	int status =
		system("curl -fsS -o /dev/null \"$CACHEWARDEN_URL/api/v1/admin/cache/warm\" "
		       "-H 'Content-Type: application/json' "
		       "-d '{\"cache_names\": [\"products\"], \"wait\": 30, \"strict\": true}'");

	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

int main(void)
{
	struct cw_cache *cache = open_cache(NULL);
	struct cw_value value;

	if (cw_get(cache, cw_str("product:1"), &value, &error) == CW_NOT_FOUND)
		puts("cold");
	printf("warmed: %d\n", warm());
	must(cw_get(cache, cw_str("product:1"), &value, &error));
	show("product:1", &value);
	cw_close(cache);
	return 0;
}
/*
 * cold
 * warmed: 1
 * product:1: {"id":1,"name":"Chair"} (hit)
 */
