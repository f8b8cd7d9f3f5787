/* SPDX-License-Identifier: MIT */
/*
 * Whether a run may ask its HTTP source only for what has changed (If-None-Match), so that an
 * unchanged source costs one request and nothing is stored.
 *
 *	a run completes -> the answer's ETag, the end of the invalidation log when the run began
 *	next run -> are the keys of that run still there? -> If-None-Match -> 304: `unchanged`
 *
 * They are if no other daemon has run the job since, nothing that may be the job's was invalidated
 * since, and all keys of the run's sample exist with at least half of their TTL. Otherwise the run
 * reads everything, as does one that an invalidation has triggered. A job of mode missing or
 * refresh always does: what it stores depends on Redis.
 */
#ifndef CW_WARM_UNCHANGED_H
#define CW_WARM_UNCHANGED_H

#include "warm/job.h"

/* Whether the job's source may be asked so. */
bool unchanged_possible(const struct conf_job *conf);
/* The ETag for the request, which is the job's; NULL = read everything. Parks. */
const char *unchanged_tag(struct cache *cache, const struct conf_job *conf, const struct job *job);
/* Notes where the log ends, before the source is asked. An unknown place ("") is not used. Parks.
 */
void unchanged_place(struct cache *cache, struct inval_place *ret);
/* A run has completed: remembers its ETag, NULL = none. */
void unchanged_remember(struct job *job, const char *etag, const char *operation_id,
	const struct inval_place *place);

#endif
