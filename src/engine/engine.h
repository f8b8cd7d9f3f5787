/* SPDX-License-Identifier: MIT */
/* The engine: holds the state of all lower ranks; there is no other state.
 */
#ifndef CW_ENGINE_ENGINE_H
#define CW_ENGINE_ENGINE_H

#include "cache/cache.h"

struct engine {
	struct cache cache;
	struct operations *operations;
	struct pauses *pauses; /* NULL in the library: its calls are not held back */
	struct sessions *sessions;
	struct invalidator *invalidator;
	struct pruner *pruner;
};

/* Takes a reference to `conf`; loop, bus, metrics and store are borrowed. */
void engine_init(struct engine *engine, struct loop *loop, struct event_bus *bus,
	struct metrics *metrics, struct store *store, struct conf *conf);
/* Puts a reloaded configuration in force. */
void engine_configure(struct engine *engine, struct conf *next);
/*
 * Cancels the operations and waits for them, at most until `deadline`. May be called again: before
 * engine_release(), with DEADLINE_NONE, for what has not ended by then. Parks.
 */
void engine_stop(struct engine *engine, int64_t deadline);
void engine_release(struct engine *engine);

#endif
