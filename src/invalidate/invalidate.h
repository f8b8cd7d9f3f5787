/* SPDX-License-Identifier: MIT */
/*
 * Invalidation: from selectors to removed keys, with a verdict that is true.
 *
 *	plan (keys, entities, dependency rules, patterns, tags) -> guard -> log -> UNLINK by name
 *	   for tags, page by page through their members,
 *	   and, for patterns, a pass: paced SCAN pages over all primaries, shared by all that wait
 *
 * Complete means: one pass, begun after the invalidation was logged, over servers whose run_id,
 * role, replication id and flush counters were the same before its first and after its last page.
 * Names of removed keys are not collected, save a sample of 20.
 */
#ifndef CW_INVALIDATE_INVALIDATE_H
#define CW_INVALIDATE_INVALIDATE_H

#include "operation/operation.h"

enum { INVALIDATION_SAMPLE = 20, INVALIDATION_MAX_IDS = 1000, INVALIDATION_MAX_KEYS = 1000 };

struct invalidation_ids {
	const struct conf_entity *entity; /* of the snapshot in `conf` below */
	struct slice *ids;
	size_t count;
};

/* What is asked. Everything is owned by the invalidation: build it with the functions below. */
struct invalidation {
	struct conf *conf;
	char *by; /* the caller; `who` points into conf */
	struct identity who;
	struct slice *keys, *patterns, *tags, *dependents_of;
	size_t key_count, pattern_count, tag_count, dependents_count;
	struct invalidation_ids *entities;
	size_t entity_count;
	bool no_cascade, dry_run, verify;
	bool soft; /* make stale instead of removing, where the key's namespace has stale_for */
	int64_t max_keys;      /* -1 = not given */
	double max_latency_ms; /* < 0 = the configuration's; 0 = unpaced */
	char *confirm;	       /* NULL = none */
	char *note;
};

/* Holds a reference of `conf`. */
struct invalidation *invalidation_new(struct conf *conf, const struct identity *who);
void invalidation_free(struct invalidation *invalidation);
void invalidation_add_key(struct invalidation *invalidation, struct slice key);
void invalidation_add_pattern(struct invalidation *invalidation, struct slice pattern);
void invalidation_add_tag(struct invalidation *invalidation, struct slice tag);
void invalidation_add_dependents_of(struct invalidation *invalidation, struct slice key);
void invalidation_add_id(
	struct invalidation *invalidation, const struct conf_entity *entity, struct slice id);

struct invalidator *invalidator_new(struct cache *cache, struct operations *operations);
/* The operations have ended; cancels and waits for what still walks. Parks. */
void invalidator_stop(struct invalidator *invalidator, int64_t deadline);
void invalidator_free(struct invalidator *invalidator);

/*
 * Checks it (bad patterns, keys that the caller may not touch, a catch-all without scope flush,
 * max_keys above the configuration's: nothing has been done then) and begins the operation, which
 * takes `invalidation` over in any case. ERR_TOO_MANY_OPERATIONS past invalidate.queue.
 *
 * The operation's result is the body of the invalidate route (api.md) less operation_id and state.
 * It ends COMPLETED also where `complete` is false for a reason that is no failure (max_keys), and
 * FAILED with ERR_CONFIRMATION_REQUIRED where a confirmation is needed: the result then has
 * matched_at_least and confirm.
 */
enum error invalidate_begin(struct invalidator *invalidator, struct invalidation *invalidation,
	struct operation **ret, struct fault *fault);

/* The passes of its operations. */
const struct passes *invalidator_passes(const struct invalidator *invalidator);

#endif
