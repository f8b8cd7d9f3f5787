/* SPDX-License-Identifier: MIT */
/* What is asked of an invalidation: its selectors and limits, as the caller gives them. */
#ifndef CW_INVALIDATE_INVALIDATION_H
#define CW_INVALIDATE_INVALIDATION_H

#include "base/arena.h"
#include "cache/ttl_change.h"

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
	struct ttl_change change; /* only NONE: it removes or softens */
	int64_t max_keys;	  /* -1 = not given */
	double max_latency_ms;	  /* < 0 = the configuration's; 0 = unpaced */
	char *confirm;		  /* NULL = none */
	char *note;
	struct slice *rewarm; /* the names of the warm jobs that are run afterwards */
	size_t rewarm_count;
	struct arena texts; /* of the slices above */
};

/* Whether the keys that match stay in Redis, so that another round meets them again. */
static inline bool invalidation_leaves_keys(const struct invalidation *asked)
{
	return asked->soft || asked->change.only;
}
/* Whether it changes TTLs alone, so that values do not become old. */
static inline bool invalidation_expires(const struct invalidation *asked)
{
	return asked->change.only && !asked->change.spread;
}

/* Holds a reference of `conf`. */
struct invalidation *invalidation_new(struct conf *conf, const struct identity *who);
void invalidation_free(struct invalidation *invalidation);
void invalidation_add_key(struct invalidation *invalidation, struct slice key);
void invalidation_add_pattern(struct invalidation *invalidation, struct slice pattern);
void invalidation_add_tag(struct invalidation *invalidation, struct slice tag);
void invalidation_add_dependents_of(struct invalidation *invalidation, struct slice key);
/* Does nothing for a name that is there. */
void invalidation_add_rewarm(struct invalidation *invalidation, struct slice job);
void invalidation_add_id(
	struct invalidation *invalidation, const struct conf_entity *entity, struct slice id);

#endif
