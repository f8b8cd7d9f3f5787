/* SPDX-License-Identifier: MIT */
/* One list of subscribers per topic; see event.h. */
#include "base/event.h"

#include <assert.h>
#include <stddef.h>

#include "base/mem.h"

struct event_subscription {
	struct event_subscription **list;
	struct event_subscription *next;
	event_handler *handler;
	void *context;
};

struct event_bus {
	struct event_subscription *topics[EVENT_TOPICS];
};

struct event_bus *event_bus_new(void)
{
	return mem_new(struct event_bus);
}

void event_bus_free(struct event_bus *bus)
{
	if (!bus)
		return;
	for (int i = 0; i < EVENT_TOPICS; i++)
		assert(!bus->topics[i]);
	mem_free(bus);
}

struct event_subscription *event_subscribe(
	struct event_bus *bus, enum event_topic topic, event_handler *handler, void *context)
{
	struct event_subscription *subscription = mem_new(struct event_subscription);
	struct event_subscription **end = &bus->topics[topic];

	while (*end)
		end = &(*end)->next;
	subscription->list = &bus->topics[topic];
	subscription->handler = handler;
	subscription->context = context;
	*end = subscription;
	return subscription;
}

void event_unsubscribe(struct event_subscription *subscription)
{
	if (!subscription)
		return;
	struct event_subscription **at = subscription->list;

	while (*at != subscription)
		at = &(*at)->next;
	*at = subscription->next;
	mem_free(subscription);
}

void event_publish(struct event_bus *bus, enum event_topic topic, const void *data)
{
	for (struct event_subscription *s = bus->topics[topic]; s; s = s->next)
		s->handler(s->context, data);
}
