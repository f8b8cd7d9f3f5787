/* SPDX-License-Identifier: MIT */
/* Keys by their exact names: no pass, one round trip for a few. */
#ifndef CW_INVALIDATE_EXACT_KEYS_H
#define CW_INVALIDATE_EXACT_KEYS_H

#include "invalidate/plan.h"
#include "invalidate/removal.h"

struct exact_keys {
	struct cache *cache;
	struct plan *plan;
	bool remove; /* false: only counts them, also what the effect would change */
	struct removal_effect effect;
	uint64_t limit; /* of keys that are there; the rest is left alone */
	/* Out. */
	uint64_t hits;			     /* that were there */
	uint64_t removed, instead, modified; /* as struct removal_counts */
	uint64_t first_seen; /* of those, not met by an earlier run over the same plan */
	bool limited;	     /* some were left alone */
};

/*
 * Counts or removes each of the plan's keys, and counts for its selectors: matched the first time
 * that a key is met, invalidated where it was removed. Parks.
 */
enum error exact_keys_run(struct exact_keys *exact, struct fault *fault);

#endif
