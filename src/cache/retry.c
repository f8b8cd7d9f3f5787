/* SPDX-License-Identifier: MIT */
/* Errors that pass, and waiting for them to; see again.h. */
#include "cache/retry.h"

#include <string.h>

enum { reconnect_ms = 5000, look_ms = 50 };

bool retry_unknown_command(enum error error, const struct fault *fault)
{
	return error == ERR_REDIS_ERROR && strstr(fault->detail, "unknown command");
}

enum error retry_await_redis(
	struct cache *cache, bool (*enough)(const void *context), const void *context)
{
	int64_t deadline = clock_deadline(reconnect_ms);
	enum error error;

	do
		error = fiber_sleep(look_ms);
	while (!error && !(enough && enough(context)) && clock_mono_ms() < deadline &&
		redis_store_state(cache->store).status != REDIS_UP);
	return error;
}
