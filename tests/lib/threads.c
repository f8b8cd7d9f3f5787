/* SPDX-License-Identifier: MIT */
/* threads URL ROUNDS: four threads, a handle each, the same keys. */
#include "check.h"

#include <pthread.h>

enum { threads = 4 };

static const char *url;
static int rounds;

static void *work(void *argument)
{
	struct cw_options options = {0};
	struct cw_error wrong = {0};
	struct cw_value value;
	const struct cw_bytes glob = cw_str("t:none:*");
	const struct cw_invalidation what = {.patterns = cw_list(&glob, 1)};
	char key[32];

	(void)argument;
	options.url = url;
	struct cw_cache *cache = cw_open(&options, &wrong);
	for (int i = 0; i < rounds && cache && !wrong.status; i++) {
		snprintf(key, sizeof key, "t:%d", i);
		cw_set(cache, cw_str(key), cw_str(key), NULL, &wrong);
		if (cw_get(cache, cw_str(key), &value, &wrong) == CW_OK && !value_is(&value, key))
			wrong.status = CW_INTERNAL;
		cw_value_release(&value);
	}
	if (!wrong.status)
		cw_invalidate(cache, &what, NULL, &wrong);
	if (wrong.status)
		fprintf(stderr, "%s: %s\n", wrong.code, wrong.message);
	cw_close(cache);
	return wrong.status ? &url : NULL;
}

int main(int argc, char **argv)
{
	pthread_t ids[threads];
	int failures = 0;

	CHECK(argc == 3);
	url = argv[1];
	rounds = atoi(argv[2]);
	for (int i = 0; i < threads; i++)
		CHECK(pthread_create(&ids[i], NULL, work, NULL) == 0);
	for (int i = 0; i < threads; i++) {
		void *wrong;

		pthread_join(ids[i], &wrong);
		failures += wrong != NULL;
	}
	return failures;
}
