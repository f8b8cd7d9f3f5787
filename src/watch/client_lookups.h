/* SPDX-License-Identifier: MIT */
/*
 * Hit rates by namespace of clients that use Redis directly; off by default, because it costs them
 * something.
 *
 *	stats.namespaces.misses    a subscription to key-miss events     -> misses, each of them
 *	stats.namespaces.monitor   MONITOR for that long, once a minute  -> lookups meanwhile
 *	both: hits and misses, over the windows of MONITOR of about the last hour
 *
 * A key that does not exist is looked up at a window's beginning and end: it comes in both streams,
 * so that these are counted over the same time, however late they are read. What the daemon itself
 * looks up is subtracted. A window ends early after CLIENT_LOOKUPS_MAX lookups. Redis tells misses
 * only if notify-keyspace-events has E and m.
 */
#ifndef CW_WATCH_CLIENT_LOOKUPS_H
#define CW_WATCH_CLIENT_LOOKUPS_H

#include "cache/lookups.h"
#include "watch/hot_keys.h"

enum { CLIENT_LOOKUPS_MAX = 50000 };

struct cache;
struct client_lookups;

struct client_lookups_view {
	bool misses, monitor;	    /* what is on */
	const char *reason;	    /* why there are no figures, or not all; NULL = there are */
	uint64_t windows;	    /* of MONITOR, since the start */
	struct lookups *missed;	    /* the misses since the start */
	struct lookups *in_windows; /* of the windows; without `misses` all are hits */
	const struct hot_keys *hot; /* of the last windows */
};

/* `cache` is borrowed. */
struct client_lookups *client_lookups_new(struct cache *cache);
/* Borrowed until the next park. */
struct client_lookups_view client_lookups_view(const struct client_lookups *c);
/* May be NULL. Parks. */
void client_lookups_free(struct client_lookups *c);

#endif
