/* SPDX-License-Identifier: MIT */
/* The engine's root: everything of the ranks below hangs from it, and there is no other place for
 * state. */
#ifndef CW_ENGINE_ENGINE_H
#define CW_ENGINE_ENGINE_H

#include "cache/cw.h"

/* Adds a reference of its own to `conf`; loop, bus, metrics and store are borrowed. */
void cw_init(struct cw *cw, struct loop *loop, struct event_bus *bus, struct metrics *metrics,
	struct redis_store *store, struct conf *conf);
/* Puts a reloaded configuration in force. */
void cw_configure(struct cw *cw, struct conf *next);
/*
 * Cancels the operations and waits for them, at most until `deadline`. May be called again: before
 * cw_release(), with DEADLINE_NONE, for what has not ended by then. Parks.
 */
void cw_stop(struct cw *cw, int64_t deadline);
void cw_release(struct cw *cw);

#endif
