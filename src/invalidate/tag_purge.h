/* SPDX-License-Identifier: MIT */
/*
 * Purging by tag: the plan's tags, one set after the other, page by page.
 *
 *	ZSCAN page -> guard -> EXISTS or a look (count) | UNLINK or soften (remove)
 *	-> counts, sample
 *
 * Members stay in their sets; the pruner removes those whose keys are gone. Memory is that of one
 * page, and while counting what base/name_set.h takes.
 */
#ifndef CW_INVALIDATE_TAG_PURGE_H
#define CW_INVALIDATE_TAG_PURGE_H

#include "base/semaphore.h"
#include "base/timeslice.h"
#include "cache/pattern.h"
#include "invalidate/plan.h"
#include "invalidate/removal.h"

struct tag_purge {
	/* In. */
	struct semaphore *turns; /* for those of many members */
	struct cache *cache;
	struct plan *plan;
	struct operation *operation; /* told of the progress; may be NULL */
	bool remove;		     /* else it only counts */
	bool report;		     /* whether the plan's selectors and sample are told */
	struct removal_effect effect;
	bool recount;	/* of keys that stay: what was met before is not counted as matched */
	uint64_t limit; /* keys that are there; the rest is left alone */
	double max_latency_ms; /* 0 = unpaced */
	/* Out. */
	uint64_t matched; /* keys that were there; a key of two tags once, one that a pattern of
			     the plan also counts: not here while it only counts */
	uint64_t removed, instead, modified, protected_skipped; /* see struct removal_counts */
	bool limited;						/* there were more */
	/*
	 * A server was replaced, promoted or emptied meanwhile; only looked at for tags of more
	 * than 1,000 members together.
	 */
	bool changed;
	/* The purge's own. */
	struct pattern *patterns;   /* the plan's */
	struct timeslice timeslice; /* from looking at names */
};

/* How many members the plan's tags have, those of absent keys included. Parks. */
enum error tag_purge_members(
	struct cache *cache, const struct plan *plan, uint64_t *ret, struct fault *fault);
/*
 * Counts are right whatever it returns. The connection's loss is survived once: a tag is then
 * looked through again from its beginning. Parks.
 */
enum error tag_purge_run(struct tag_purge *purge, struct fault *fault);

#endif
