/* SPDX-License-Identifier: MIT */
/*
 * Publish and subscribe within the process: the publisher does not know the subscribers.
 *
 * Delivery is synchronous, in order of subscription; a subscriber must not park, publish the same
 * topic, or keep `data`. The payload of each topic is named below.
 */
#ifndef CW_BASE_EVENT_H
#define CW_BASE_EVENT_H

enum event_topic {
	EVENT_REDIS_STATE,   /* NULL: a node's status word changed; ask the store */
	EVENT_REDIS_FLUSHED, /* NULL: the database was emptied or came back empty */
	EVENT_OPERATION,     /* struct operation (operation/operation.h) that has just ended */
	/* The same: one that was begun, or has gone on; at most once a second, later every 10 s. */
	EVENT_OPERATION_PROGRESS,
	EVENT_ALERT,	      /* struct alert_look (watch/alerts.h) that fires or has ended */
	EVENT_CONFIG,	      /* struct conf (conf/conf.h) that is in force from now on */
	EVENT_CONFIG_REFUSED, /* NULL: a reload was refused */
	EVENT_BREAKER,	      /* struct breaker_change (base/breaker.h): one has opened or closed */
	EVENT_PAUSE,  /* struct pause_change (operation/pause.h): work was paused or resumed */
	EVENT_MISSED, /* struct operation_missed (operation/operation.h): one was not begun */
	EVENT_TOPICS
};

struct event_bus;
struct event_subscription;

typedef void event_handler(void *context, const void *data);

struct event_bus *event_bus_new(void);
/* There must be no subscriptions left. */
void event_bus_free(struct event_bus *bus);
struct event_subscription *event_subscribe(
	struct event_bus *bus, enum event_topic topic, event_handler *handler, void *context);
/* Not from inside a handler. `subscription` may be NULL. */
void event_unsubscribe(struct event_subscription *subscription);
void event_publish(struct event_bus *bus, enum event_topic topic, const void *data);

#endif
