/* SPDX-License-Identifier: MIT */
/*
 * Events inside the process: who makes something happen need not know who cares.
 *
 * Delivery is synchronous, in order of subscription; a subscriber must not park, publish the same
 * topic, or keep `data`. Payloads are named with each topic.
 */
#ifndef CW_BASE_EVENT_H
#define CW_BASE_EVENT_H

enum event_topic {
	EVENT_REDIS_STATE,   /* NULL: a node's status word changed; ask the store */
	EVENT_REDIS_FLUSHED, /* NULL: the database was emptied or came back empty */
	EVENT_OPERATION,     /* struct operation (cache/operation.h) that has just ended */
	EVENT_CONFIG,	     /* struct conf (conf/conf.h) that is in force from now on */
	EVENT_TOPICS
};

struct event_bus;
struct event_subscription;

typedef void event_handler(void *context, const void *data);

struct event_bus *event_bus_new(void);
/* Nobody is subscribed any more. */
void event_bus_free(struct event_bus *bus);
struct event_subscription *event_subscribe(
	struct event_bus *bus, enum event_topic topic, event_handler *handler, void *context);
/* Not from inside a handler. NULL is welcome. */
void event_unsubscribe(struct event_subscription *subscription);
void event_publish(struct event_bus *bus, enum event_topic topic, const void *data);

#endif
