/* SPDX-License-Identifier: MIT */
/* The engine: what it is made of, and in which order its parts begin and end; see engine.h. */
#include "engine/engine.h"

#include <stdio.h>

#include "base/crypto.h"
#include "base/hex.h"
#include "cache/pruner.h"
#include "cache/result.h"
#include "cache/unlogged.h"
#include "invalidate/invalidator.h"
#include "operation/pause.h"
#include "session/session.h"

static void name_instance(struct cache *cache)
{
	struct buf hex = {0};
	uint8_t random[8];

	crypto_random(random, sizeof random);
	hex_encode(random, sizeof random, &hex);
	snprintf(cache->instance, sizeof cache->instance, "%s", hex.p);
	buf_release(&hex);
}

void engine_init(struct engine *engine, struct loop *loop, struct event_bus *bus,
	struct metrics *metrics, struct store *store, struct conf *conf)
{
	struct cache *cache = &engine->cache;

	*cache = (struct cache){.loop = loop,
		.bus = bus,
		.metrics = metrics,
		.store = store,
		.conf = conf_ref(conf),
		.results = results_new()};
	name_instance(cache);
	engine->operations = operations_new(cache);
	engine->sessions = sessions_new(cache);
	engine->invalidator = invalidator_new(cache, engine->operations);
	engine->pruner = pruner_new(cache);
	engine->pauses = NULL;
}

void engine_configure(struct engine *engine, struct conf *next)
{
	struct conf *before = engine->cache.conf;

	engine->cache.conf = conf_ref(next);
	conf_unref(before);
}

void engine_stop(struct engine *engine, int64_t deadline)
{
	pauses_stop(engine->pauses);
	pruner_stop(engine->pruner, deadline);
	operations_stop(engine->operations, deadline);
	invalidator_stop(engine->invalidator, deadline);
}

void engine_release(struct engine *engine)
{
	pauses_free(engine->pauses);
	pruner_free(engine->pruner);
	invalidator_free(engine->invalidator);
	sessions_free(engine->sessions);
	operations_free(engine->operations);
	results_free(engine->cache.results);
	unlogged_free(engine->cache.unlogged);
	while (engine->cache.spare_batch_count)
		redis_batch_free(engine->cache.spare_batches[--engine->cache.spare_batch_count]);
	conf_unref(engine->cache.conf);
	*engine = (struct engine){0};
}
