/* SPDX-License-Identifier: MIT */
/* Counters of frequent keys; see hot_keys.h. */
#include "watch/hot_keys.h"

#include <stdlib.h>

#include "base/fnv.h"

void hot_keys_add(struct hot_keys *keys, struct slice key)
{
	uint32_t h = fnv_add32(FNV_BEGIN32, key);
	size_t least = 0;

	keys->total++;
	for (size_t i = 0; i < keys->count; i++) {
		struct hot_key *item = &keys->items[i];

		if (item->hash == h && slice_equal(buf_slice(&item->key), key)) {
			item->count++;
			return;
		}
		if (item->count < keys->items[least].count)
			least = i;
	}
	if (keys->count < HOT_KEYS_COUNTERS)
		least = keys->count++;
	struct hot_key *item = &keys->items[least];

	item->error = item->count;
	item->count++;
	item->hash = h;
	buf_clear(&item->key);
	buf_add(&item->key, key);
}

void hot_keys_fade(struct hot_keys *keys, double factor)
{
	keys->total *= factor;
	for (size_t i = 0; i < keys->count; i++) {
		keys->items[i].count *= factor;
		keys->items[i].error *= factor;
	}
}

static int by_count(const void *a, const void *b)
{
	const struct hot_key *x = *(const struct hot_key *const *)a;
	const struct hot_key *y = *(const struct hot_key *const *)b;

	if (x->count < y->count || x->count > y->count)
		return x->count < y->count ? 1 : -1;
	return slice_compare(buf_slice(&x->key), buf_slice(&y->key));
}

size_t hot_keys_top(const struct hot_keys *keys, size_t most, const struct hot_key **ret)
{
	const struct hot_key *all[HOT_KEYS_COUNTERS];
	size_t count = 0, kept = 0;

	for (size_t i = 0; i < keys->count; i++)
		all[count++] = &keys->items[i];
	if (count)
		qsort(all, count, sizeof *all, by_count);
	for (size_t i = 0; i < count && kept < most; i++)
		if (all[i]->count > 2 * all[i]->error)
			ret[kept++] = all[i];
	return kept;
}

void hot_keys_release(struct hot_keys *keys)
{
	for (size_t i = 0; i < HOT_KEYS_COUNTERS; i++)
		buf_release(&keys->items[i].key);
}
