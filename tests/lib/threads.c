/* SPDX-License-Identifier: MIT */
/* threads URL ROUNDS: four threads, a handle each, the same keys; and one load for all of them. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"

#include <pthread.h>
#include <time.h>

enum { threads = 4 };

static const char *url;
static int rounds;
static pthread_barrier_t barrier;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int loads;

static bool load(void *context, struct cw_output *output)
{
	const struct timespec slow = {.tv_nsec = 300000000};

	(void)context;
	pthread_mutex_lock(&mutex);
	loads++;
	pthread_mutex_unlock(&mutex);
	nanosleep(&slow, NULL);
	cw_output_add(output, "loaded", 6);
	return true;
}

static void read_through(struct cw_cache *cache, struct cw_error *wrong)
{
	const struct cw_load how = {.load = load};
	struct cw_value value;

	pthread_barrier_wait(&barrier);
	if (cw_result(cache, cw_str("t:loaded"), &how, &value, wrong) == CW_OK &&
		!value_is(&value, "loaded"))
		wrong->status = CW_INTERNAL;
	cw_value_release(&value);
}

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
	read_through(cache, &wrong);
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
	pthread_barrier_init(&barrier, NULL, threads);
	for (int i = 0; i < threads; i++)
		CHECK(pthread_create(&ids[i], NULL, work, NULL) == 0);
	for (int i = 0; i < threads; i++) {
		void *wrong;

		pthread_join(ids[i], &wrong);
		failures += wrong != NULL;
	}
	CHECK(loads == 1);
	return failures;
}
