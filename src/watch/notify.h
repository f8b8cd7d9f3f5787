/* SPDX-License-Identifier: MIT */
/*
 * Tells webhooks when alerts fire and when they are resolved, as Alertmanager's webhook receivers
 * are told (version 4 of its JSON).
 *
 *	EVENT_ALERT -> for each webhook: the last state of each alert -> one POST -> again until 2xx
 *
 * A webhook that does not answer is asked again after 1 s to 60 s, for as long as it takes; what
 * happens meanwhile is in the next request, the last state of each alert. What it refuses (3xx,
 * 4xx) is dropped, and the log says so. Nothing else waits for a webhook.
 */
#ifndef CW_WATCH_NOTIFY_H
#define CW_WATCH_NOTIFY_H

#include "source/source.h"
#include "watch/alerts.h"

struct notify;

/* Everything is borrowed. */
struct notify *notify_new(
	struct cache *cache, const struct alerts *alerts, struct sources *sources, struct log *log);
/* Requests in flight are cut. May be NULL. Parks. */
void notify_free(struct notify *notify);

#endif
