/* SPDX-License-Identifier: MIT */
/*
 * The engine's root: everything of ranks 0 to 4 hangs from one struct cw, and there is no other
 * place for state.
 */
#ifndef CW_CACHE_CW_H
#define CW_CACHE_CW_H

#include "base/event.h"
#include "base/fiber.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/metric.h"
#include "base/turn.h"
#include "conf/conf.h"
#include "redis/store.h"

enum { CW_SESSION_TURNS = 64 };

/* The set of all redis.own_prefix that were in use here: the one key of ours without that prefix.
 */
#define CW_PREFIXES "cw:prefixes"

struct cw {
	struct loop *loop;
	struct event_bus *bus;
	struct metrics *metrics;
	struct log *log; /* what the engine does, at level debug; NULL unless the daemon sets it */
	struct redis_store *store;
	struct conf *conf; /* in force; whoever works longer than a turn takes a reference */
	struct operations *operations;
	struct invalidator *invalidator;
	struct pruner *pruner;
	struct results *results;
	char instance[17];			      /* of this process: 16 random hex digits */
	struct turns session_turns[CW_SESSION_TURNS]; /* who patches, by session */
	int64_t last_session_us;		      /* when the last one was begun */
	struct redis_batch *spare_batches[8];	      /* for who needs a small one for a moment */
	size_t spare_batch_count;
	/* Since the start, for stats. */
	uint64_t gets, hits, misses, sets, invalidated_keys, loads, stale_served;
};

/*
 * Reads `cw:meta`, the layout version of our own keys, and writes it where it is absent. A newer
 * layout gives ERR_CONFLICT: this daemon must not touch it. Other errors say why it is not known;
 * ERR_CORRUPT_VALUE and ERR_WRONG_TYPE that the key is damaged. Parks.
 */
enum error cw_check_layout(struct cw *cw, struct fault *fault);
/*
 * Notes own_prefix in CW_PREFIXES, and tells each other one noted there under which there are still
 * keys of ours. Those without are forgotten. Parks.
 */
enum error cw_note_prefix(
	struct cw *cw, void (*tell)(void *context, struct slice other), void *context);
/* Appends own_prefix and `name`: "cw:" "op:..." */
void cw_own_key(const struct cw *cw, const char *name, struct slice rest, struct buf *out);
/* An empty batch, and its return when its replies are of no use any more. */
struct redis_batch *cw_batch_take(struct cw *cw);
void cw_batch_give(struct cw *cw, struct redis_batch *batch);
/* When a step of a few commands must have been answered: past what the connection itself allows. */
int64_t cw_deadline(const struct cw *cw);

#endif
