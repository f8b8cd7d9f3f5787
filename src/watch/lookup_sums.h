/* SPDX-License-Identifier: MIT */
/* Hits and misses (cache/lookups.h) beside the namespaces of a sample of the keys. */
#ifndef CW_WATCH_LOOKUP_SUMS_H
#define CW_WATCH_LOOKUP_SUMS_H

#include "cache/lookups.h"
#include "watch/namespace_run.h"

struct lookup_sum {
	double hits, misses;
};

struct lookup_sums {
	struct lookup_sum *rows; /* of the sample's table, in its order */
	struct lookup_sum unmatched;
	struct lookup_sum rest; /* of namespaces that the table has no row for */
};

/* What was looked up in merged namespaces is added up. `lookups` may be NULL. */
void lookup_sums_init(
	struct lookup_sums *sums, const struct namespace_sample *sample, struct lookups *lookups);
void lookup_sums_release(struct lookup_sums *sums);
/* What has grown since the last call, as metrics: cachewarden_namespace_lookups_total. */
void lookup_sums_publish(struct metrics *metrics, struct lookups *lookups);

#endif
