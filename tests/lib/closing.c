/* SPDX-License-Identifier: MIT */
/*
 * closing URL: stores a value, says "open", and waits for a line. Then an invalidation times out,
 * and the program says the error's code and for how many milliseconds cw_close() blocked.
 */
#define _GNU_SOURCE
#include "check.h"

#include <time.h>

static long long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

int main(int argc, char **argv)
{
	const struct cw_bytes glob = cw_str("c:*");
	const struct cw_invalidation what = {.patterns = cw_list(&glob, 1), .timeout_ms = 1};

	CHECK(argc == 2);
	struct cw_cache *cache = open_cache(argv[1], NULL);
	OK(cw_set(cache, cw_str("c:1"), cw_str("x"), NULL, &error));
	puts("open");
	fflush(stdout);
	CHECK(getchar() == '\n');
	FAILS(cw_invalidate(cache, &what, NULL, &error), CW_TIMEOUT);
	long long began = now_ms();

	cw_close(cache);
	printf("%s %lld\n", error.code, now_ms() - began);
	return 0;
}
