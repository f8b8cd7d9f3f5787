/* SPDX-License-Identifier: MIT */
/*
 * The plan of an invalidation: which exact keys, patterns and tags its selectors give, and which
 * selector each of them counts for.
 *
 *	keys, literal patterns ---------+
 *	entities -> keys, patterns -----+--> keys[] (each once) --claims--> selectors[]
 *	rules and stored sets of what   +--> patterns[] ------------------> selectors[]
 *	   is named exactly ------------+
 *	tags, entities' tags -------------> tags[] (each once) --claims--> selectors[]
 *
 * A key that several selectors name is in keys[] once and has a claim of each.
 */
#ifndef CW_INVALIDATE_PLAN_H
#define CW_INVALIDATE_PLAN_H

#include "base/arena.h"
#include "cache/cache.h"
#include "cache/guard.h"
#include "invalidate/invalidation.h"

enum { PLAN_MAX_DEPENDENTS = 10000, PLAN_MAX_PATTERNS = 1000, PLAN_MAX_TAGS = 1000 };

enum selector_kind {
	SELECTOR_KEY,
	SELECTOR_PATTERN,
	SELECTOR_TAG,
	SELECTOR_ENTITY,
	SELECTOR_DEPENDENTS_OF,
	SELECTOR_DEPENDENCY,
	SELECTOR_STORED, /* all that stored sets brought, together */
	SELECTOR_KINDS
};
/* "key", "pattern", "entity", ... */
const char *plan_selector_kind_name(enum selector_kind kind);

struct plan_selector {
	enum selector_kind kind;
	bool scanned; /* it has patterns: a pass over all keys is needed */
	bool tagged;  /* it has tags: their members are looked through */
	struct slice value;
	uint64_t matched, invalidated;
};

/* An index that is none. */
#define PLAN_NONE UINT32_MAX

struct plan_claim {
	uint32_t selector, next; /* indexes in selectors[], claims[]; PLAN_NONE ends the list */
};

struct plan_key {
	struct slice name;
	uint32_t claims;     /* the first; PLAN_NONE: it is only followed, not removed */
	uint32_t counted_by; /* the selector that counts its dependents; PLAN_NONE: their rules' */
	bool follow;	     /* its dependents belong to the plan */
	bool existed;	     /* it was in Redis */
};

/* Whether it is to be removed. */
static inline bool plan_key_is_claimed(const struct plan_key *key)
{
	return key->claims != PLAN_NONE;
}

struct plan_pattern {
	struct slice glob;
	uint32_t selector;
};

struct plan_tag {
	struct slice name;
	uint32_t claims; /* as a key's */
};

struct plan_index;

struct plan {
	const struct invalidation *asked;
	struct guard guard;
	struct plan_selector *selectors;
	size_t selector_count;
	struct plan_claim *claims;
	size_t claim_count;
	struct plan_key *keys;
	size_t key_count;
	struct plan_pattern *patterns;
	size_t pattern_count;
	struct plan_tag *tags;
	size_t tag_count;
	uint64_t protected_skipped; /* derived keys that may not be touched */
	size_t dependents;	    /* keys that only rules and stored sets brought in */
	bool catches_all;	    /* one of its patterns matches every key */
	bool too_many_dependents;
	bool unreadable_dependents;		  /* the key of a key's dependents is not a set */
	struct slice sample[INVALIDATION_SAMPLE]; /* of names that matched */
	size_t sample_count;
	uint32_t *rule_selectors; /* of each rule; PLAN_NONE = none yet */
	struct plan_index *index;
	struct arena texts; /* all that the slices above hold */
};

/*
 * Everything but what depends on it. Refuses, with the pointer of the member at fault, what the
 * caller may not name: ERR_BAD_BODY, _BAD_KEY, _BAD_PATTERN, _KEY_RESERVED, _KEY_PROTECTED,
 * _KEY_OUTSIDE_PREFIXES, _FORBIDDEN. `asked` must outlive the plan.
 */
enum error plan_new(const struct invalidation *asked, struct plan **ret, struct fault *fault);
void plan_free(struct plan *plan);

/*
 * Adds what the rules and the stored sets bring, transitively; each key is followed once, so that
 * cycles end. Past PLAN_MAX_DEPENDENTS it stops and says so in the plan. `cache` NULL: the rules
 * alone. Parks: each level is one round trip, but none where no key is followed. ERR_CANCELLED,
 * errors of Redis.
 */
enum error plan_cascade(struct plan *plan, struct cache *cache, struct fault *fault);

/* Whether `key` is one of keys[] that will be removed by name. */
bool plan_has(const struct plan *plan, struct slice key);
/* Counts a key, that it existed or was removed, once for each selector that claims it. */
void plan_count(struct plan *plan, const struct plan_key *key, bool removed);
/* Counts members of a tag for each selector that claims it. */
void plan_count_tag(
	struct plan *plan, const struct plan_tag *tag, uint64_t matched, uint64_t invalidated);
/* Takes back what was counted as matched. */
void plan_uncount_tag(struct plan *plan, const struct plan_tag *tag, uint64_t matched);
/* Keeps the name as an example, as long as there is room for one. */
void plan_sample(struct plan *plan, struct slice name);

#endif
