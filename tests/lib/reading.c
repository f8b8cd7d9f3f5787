/* SPDX-License-Identifier: MIT */
/*
 * reading URL: for each line of standard input, the value of that key: "origin value milliseconds".
 * Where the key begins with `w`, the loader says "loading" and waits for a line before it loads.
 */
#include "check.h"

#include <time.h>

static int loads;

static bool load(void *context, struct cw_output *output)
{
	char line[64];

	if (*(const char *)context == 'w') {
		puts("loading");
		fflush(stdout);
		CHECK(fgets(line, sizeof line, stdin));
	}
	cw_output_printf(output, "value-%d", ++loads);
	return true;
}

static long now_ms(void)
{
	struct timespec now;

	timespec_get(&now, TIME_UTC);
	return (long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int main(int argc, char **argv)
{
	static const char *const origins[] = {"HIT", "STALE", "MISS", "BYPASS"};
	char key[64];

	CHECK(argc == 2);
	struct cw_cache *cache = open_cache(argv[1], NULL);
	while (fgets(key, sizeof key, stdin)) {
		struct cw_load how = {.load = load, .context = key};
		struct cw_value value;
		long began = now_ms();

		key[strcspn(key, "\n")] = '\0';
		OK(cw_result(cache, cw_str(key), &how, &value, &error));
		printf("%s %s %ld\n", origins[value.origin], value.data, now_ms() - began);
		fflush(stdout);
		cw_value_release(&value);
	}
	cw_close(cache);
	return 0;
}
