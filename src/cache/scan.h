/* SPDX-License-Identifier: MIT */
/*
 * SCAN over all primaries, in parallel, in paced pages.
 *
 *	server:  SCAN n+1   | commands of page n | SCAN n+2   | commands of page n+1
 *	here:    page n ... | page n answered    | page n+1 ...
 *
 * While the server looks for the next page, the handler looks at the last one; its commands for it
 * (UNLINK) follow in the pipeline. Two pages are in flight at most.
 */
#ifndef CW_CACHE_SCAN_H
#define CW_CACHE_SCAN_H

#include "cache/cache.h"

struct scan_page {
	const struct redis_value *names; /* an array; only during page() */
	double seen;			 /* of this primary's keys, 0..1 */
	size_t primary;
	struct redis_batch *batch; /* the handler's commands; may stay empty */
	struct buf notes;	   /* the handler's own, kept until answered() */
};

struct scan_handler {
	/* Looks at a page, adds commands. False: no further page is wanted. May park. */
	bool (*page)(void *context, struct scan_page *page);
	/*
	 * Every command has its reply, or none where the connection was lost before. An error ends
	 * the scan; `fault` may be NULL. Not called for an empty batch.
	 */
	enum error (*answered)(void *context, struct scan_page *page, struct fault *fault);
	void *context;
};

struct scan_spec {
	struct cache *cache;
	struct slice match;    /* for MATCH; empty = none */
	double max_latency_ms; /* 0 = unpaced */
	const struct scan_handler *handler;
};

/*
 * OK when every key was seen that was there all the time, or when the handler had enough. The first
 * error of any primary ends it. Parks.
 */
enum error scan_run(const struct scan_spec *spec, struct fault *fault);

/* What must be the same before the first and after the last page, for each primary. */
struct scan_snapshot;

/* Parks. The caller owns *ret. */
enum error scan_snapshot_take(struct cache *cache, struct scan_snapshot **ret, struct fault *fault);
void scan_snapshot_free(struct scan_snapshot *snapshot);
bool scan_snapshot_equal(const struct scan_snapshot *a, const struct scan_snapshot *b);
/* How many keys there are on all primaries. */
uint64_t scan_snapshot_keys(const struct scan_snapshot *snapshot);

/* How much of a server's keys a cursor has passed, 0..1: its bits count from the wrong end. Pure.
 */
double scan_progress(struct slice cursor);

#endif
