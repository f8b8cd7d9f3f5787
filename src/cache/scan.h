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

#include "base/name_list.h"
#include "cache/cache.h"
#include "store/slot_set.h"

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

/*
 * What the servers are at a time: which process, in which role, how often it was emptied; of a
 * cluster's node also which slots it has, and which of them are on their way.
 */
struct scan_snapshot;

/* Of a cluster, some servers may be away. Parks. The caller owns *ret. */
enum error scan_snapshot_take(struct cache *cache, struct scan_snapshot **ret, struct fault *fault);
void scan_snapshot_free(struct scan_snapshot *snapshot); /* may be NULL */
/* Whether all servers were reached and are the same; a cluster's slots may have moved. */
bool scan_snapshot_equal(const struct scan_snapshot *a, const struct scan_snapshot *b);
/* How many keys there are on all primaries. */
uint64_t scan_snapshot_keys(const struct scan_snapshot *snapshot);
size_t scan_snapshot_servers(const struct scan_snapshot *snapshot);
/* For how long the one that was lost last has been away; 0 = all were reached. */
int64_t scan_snapshot_away_ms(const struct scan_snapshot *snapshot);
/* Adds the names of those that were not reached. */
void scan_snapshot_away(const struct scan_snapshot *snapshot, struct name_list *ret);
/*
 * Of a cluster: adds those of the slots in `among` whose keys may have been missed between the two,
 * because their server is another one, took over slots, or was emptied, or because their keys began
 * or ceased to be moved.
 */
void scan_snapshot_changed(const struct scan_snapshot *before, const struct scan_snapshot *after,
	const struct slot_set *among, struct slot_set *ret);

/* A scan of some slots of a cluster. */
struct scan_slots {
	const struct scan_snapshot *snapshot; /* says where they are */
	struct slot_set wanted;
	bool all; /* these are all slots: names of other slots are counted */
	/* Out. */
	struct slot_set unseen; /* they have no server, or it was lost meanwhile */
	uint64_t orphans;	/* names on servers that their slots do not belong to */
};
/*
 * As scan_run() for the wanted slots; a page may have no names. The loss of a server ends the scan
 * of its slots only. Parks.
 */
enum error scan_slots_run(
	const struct scan_spec *spec, struct scan_slots *slots, struct fault *fault);

/* How much of a server's keys a cursor has passed, 0..1: its bits count from the wrong end. Pure.
 */
double scan_progress(struct slice cursor);

#endif
