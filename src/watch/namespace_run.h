/* SPDX-License-Identifier: MIT */
/*
 * One sample of the keys, from all primaries.
 *
 *	more keys than wanted   RANDOMKEY, n at a time -> MEMORY USAGE, PTTL, OBJECT of each
 *	                        each primary gets its part, by its number of keys
 *	else                    SCAN -> the same of each; figures are exact then
 *
 * RANDOMKEY draws with replacement, and servers choose nearly uniformly. It is paced: pages are
 * spread over the time given. Where one takes longer than 4 ms the next is smaller, and pauses are
 * 64 times as long as a page took, as far as the sample still ends before the next one is due.
 */
#ifndef CW_WATCH_NAMESPACE_RUN_H
#define CW_WATCH_NAMESPACE_RUN_H

#include "cache/object_lookups.h"
#include "watch/namespace_slots.h"
#include "watch/namespace_table.h"
#include "watch/sampler.h"

/* A primary's part. */
struct namespace_node {
	struct redis_node *node; /* a reference */
	int64_t keys;		 /* in our database, when it was asked last */
	struct namespace_sums sums;
	/* Of the run only. */
	double owed; /* keys that it is still to be asked for */
	enum object_lookups object;
	struct redis_batch *batch;
	size_t asked;
};

struct namespace_sample {
	struct conf *conf; /* a reference: by which keys were named */
	struct namespace_table *table;
	struct namespace_node *nodes;
	size_t node_count;
	bool in_cluster;	      /* then: */
	struct namespace_slots slots; /* complete at the end */
	bool exact;		      /* all keys were looked at */
	bool by_frequency; /* OBJECT FREQ was asked, the policy being an LFU one, not IDLETIME */
	int64_t keys;	   /* of the primaries, in our database */
	int64_t began_wall_ms, began_mono_ms;
	int64_t ended_wall_ms, ended_mono_ms; /* -1 = it is being taken */
};

struct namespace_sample *namespace_sample_new(struct conf *conf);
void namespace_sample_free(struct namespace_sample *sample); /* may be NULL */

/*
 * Takes it, within about `spread_ms`. Errors are those of Redis, with what was found until then in
 * the sample; ERR_CANCELLED. Parks.
 */
enum error namespace_run(struct cache *cache, const struct sampler *sampler,
	struct namespace_sample *sample, int64_t spread_ms, struct fault *fault);

#endif
