/* SPDX-License-Identifier: MIT */
/* The largest and busiest slots; see namespace_slots.h. */
#include "watch/namespace_slots.h"

#include "base/mem.h"

void namespace_slots_add(struct namespace_slots *slots, struct slice key)
{
	if (!slots->sampled)
		slots->sampled = mem_array(SLOT_COUNT, sizeof *slots->sampled);
	slots->sampled[slot_of(key)]++;
}

/* Keeps a list in the order of a figure, the most first. */
static void insert(struct namespace_slot *list, size_t *count, const struct namespace_slot *slot,
	double (*figure)(const struct namespace_slot *slot))
{
	size_t at = *count;

	for (size_t i = 0; i < *count; i++)
		if (list[i].slot == slot->slot)
			return;
	if (*count == NAMESPACE_SLOTS_MAX) {
		if (figure(slot) <= figure(&list[*count - 1]))
			return;
		at--;
	} else {
		++*count;
	}
	for (; at > 0 && figure(&list[at - 1]) < figure(slot); at--)
		list[at] = list[at - 1];
	list[at] = *slot;
}

static double by_keys(const struct namespace_slot *slot)
{
	return (double)slot->keys;
}

static double by_cpu(const struct namespace_slot *slot)
{
	return (double)slot->cpu_us;
}

/* ["key-count", n, "cpu-usec", n, ...] */
static void take_figures(struct namespace_slot *slot, const struct redis_value *figures)
{
	for (size_t i = 0; i + 1 < figures->count; i += 2) {
		struct slice name = redis_value_item(figures, i);
		const struct redis_value *value = figures->items[i + 1];

		if (value->type != REDIS_INTEGER || value->integer < 0)
			continue;
		if (slice_is(name, "key-count"))
			slot->keys = (uint64_t)value->integer;
		else if (slice_is(name, "cpu-usec"))
			slot->cpu_us = value->integer;
		else if (slice_is(name, "network-bytes-in"))
			slot->in_bytes = value->integer;
		else if (slice_is(name, "network-bytes-out"))
			slot->out_bytes = value->integer;
	}
}

/* [slot, figures] */
static bool is_slot(const struct redis_value *item)
{
	return item->type == REDIS_ARRAY && item->count == 2 &&
	       item->items[0]->type == REDIS_INTEGER && item->items[0]->integer >= 0 &&
	       item->items[0]->integer < SLOT_COUNT && item->items[1]->type == REDIS_ARRAY;
}

bool namespace_slots_tell(struct namespace_slots *slots, const struct redis_value *reply)
{
	if (reply->type != REDIS_ARRAY)
		return false;
	for (size_t i = 0; i < reply->count; i++) {
		const struct redis_value *item = reply->items[i];

		if (!is_slot(item))
			return false;
		struct namespace_slot slot = {.slot = (unsigned)item->items[0]->integer,
			.cpu_us = -1,
			.in_bytes = -1,
			.out_bytes = -1};

		take_figures(&slot, item->items[1]);
		insert(slots->largest, &slots->largest_count, &slot, by_keys);
		if (slot.cpu_us >= 0)
			insert(slots->busiest, &slots->busiest_count, &slot, by_cpu);
	}
	slots->told = true;
	return true;
}

void namespace_slots_end(struct namespace_slots *slots)
{
	if (slots->told || !slots->sampled)
		return;
	for (unsigned i = 0; i < SLOT_COUNT; i++)
		if (slots->sampled[i])
			insert(slots->largest, &slots->largest_count,
				&(struct namespace_slot){i, slots->sampled[i], -1, -1, -1},
				by_keys);
}

void namespace_slots_release(struct namespace_slots *slots)
{
	mem_free(slots->sampled);
}
