/* SPDX-License-Identifier: MIT */
/* The engine on a real redis-server, for tests that need what no fake would tell. */
#ifndef CW_TESTS_CACHE_ENGINE_H
#define CW_TESTS_CACHE_ENGINE_H

#include "../redis/server.h"
#include "engine/engine.h"
#include "invalidate/invalidator.h"

extern struct server engine_server;
extern struct engine engine;

/* Starts a server, runs `script` in a fiber, stops everything. `yaml` is added to redis.url. */
void engine_run(const char *yaml, void (*script)(void));
/* As engine_run(), with one more setting of redis-server. */
void engine_run_with(const char *option, const char *value, const char *yaml, void (*script)(void));

/* Sets `count` keys named by the format with the numbers from `from` on. Parks. */
void engine_fill(const char *format, int from, int count) __attribute__((format(printf, 1, 0)));
/* One command of up to 6 words; its integer. Parks. */
int64_t engine_call(const char *a, const char *b, const char *c, const char *d);
/* Begins it and waits for its end; the caller unrefs. The test fails where it is refused. Parks. */
struct operation *engine_invalidate(struct invalidation *asked);
/* Of an invalidation that has ended. */
const struct invalidation_result *engine_result(const struct operation *operation);
/* Why it is not complete; "" = it is. */
const char *engine_reason(const struct operation *operation);

#endif
