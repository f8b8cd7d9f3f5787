/* SPDX-License-Identifier: MIT */
/* The engine's root; see engine.h. */
#include "engine/engine.h"

#include <stdio.h>

#include "base/crypto.h"
#include "cache/pruner.h"
#include "cache/result.h"
#include "invalidate/invalidate.h"

void cw_init(struct cw *cw, struct loop *loop, struct event_bus *bus, struct metrics *metrics,
	struct redis_store *store, struct conf *conf)
{
	struct buf hex = {0};
	uint8_t random[8];

	*cw = (struct cw){
		.loop = loop, .bus = bus, .metrics = metrics, .store = store, .conf = conf};
	conf_ref(conf);
	crypto_random(random, sizeof random);
	hex_encode(random, sizeof random, &hex);
	snprintf(cw->instance, sizeof cw->instance, "%s", hex.p);
	buf_release(&hex);
	cw->operations = operations_new(cw);
	cw->invalidator = invalidator_new(cw);
	cw->pruner = pruner_new(cw);
	cw->results = results_new();
}

void cw_configure(struct cw *cw, struct conf *next)
{
	struct conf *before = cw->conf;

	cw->conf = conf_ref(next);
	conf_unref(before);
}

void cw_stop(struct cw *cw, int64_t deadline)
{
	pruner_stop(cw->pruner, deadline);
	operations_stop(cw->operations, deadline);
	invalidator_stop(cw->invalidator, deadline);
}

void cw_release(struct cw *cw)
{
	results_free(cw->results);
	pruner_free(cw->pruner);
	invalidator_free(cw->invalidator);
	operations_free(cw->operations);
	while (cw->spare_batch_count)
		redis_batch_free(cw->spare_batches[--cw->spare_batch_count]);
	conf_unref(cw->conf);
	*cw = (struct cw){0};
}
