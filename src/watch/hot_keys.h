/* SPDX-License-Identifier: MIT */
/*
 * The keys that occur most in a stream, in fixed memory: Space-Saving (A. Metwally, D. Agrawal, A.
 * El Abbadi, Efficient computation of frequent and top-k elements in data streams, ICDT 2005). A
 * key that is more than one in HOT_KEYS_COUNTERS of the stream is among them; its count is at most
 * so much too high as the least of the counters.
 */
#ifndef CW_WATCH_HOT_KEYS_H
#define CW_WATCH_HOT_KEYS_H

#include "base/buf.h"

enum { HOT_KEYS_COUNTERS = 256 };

struct hot_key {
	struct buf key;
	uint32_t hash;
	double count, error; /* the count may be too high by `error` */
};

/* Zeroed = empty. */
struct hot_keys {
	struct hot_key items[HOT_KEYS_COUNTERS];
	size_t count;
	double total; /* the length of the stream */
};

void hot_keys_add(struct hot_keys *keys, struct slice key);
/* Older occurrences weigh less from now on. */
void hot_keys_fade(struct hot_keys *keys, double factor);
/* Views of up to `most` items whose count is more than twice its error, the highest first; how many. */
size_t hot_keys_top(const struct hot_keys *keys, size_t most, const struct hot_key **ret);
void hot_keys_release(struct hot_keys *keys);

#endif
