/* SPDX-License-Identifier: MIT */
/*
 * A sample of the keys that a run stores: each has the same chance, whatever their number (a
 * reservoir). Values that Redis may share between keys, small integers, are left out: what is known
 * of their use is not about one key.
 */
#ifndef CW_WARM_KEY_SAMPLE_H
#define CW_WARM_KEY_SAMPLE_H

#include "base/slice.h"

enum { KEY_SAMPLE_MAX = 100 };

/* A zeroed one is empty. */
struct key_sample {
	char *keys[KEY_SAMPLE_MAX];
	size_t sizes[KEY_SAMPLE_MAX];
	int64_t ttls_ms[KEY_SAMPLE_MAX]; /* as they were stored; -1 = none */
	size_t count;
	uint64_t seen, random;
};

void key_sample_init(struct key_sample *sample, uint64_t seed);
void key_sample_release(struct key_sample *sample);
/* A key was stored. `shared`: key_sample_is_shared() of its value. */
void key_sample_add(struct key_sample *sample, struct slice key, int64_t ttl_ms, bool shared);
struct slice key_sample_key(const struct key_sample *sample, size_t i);
/* The shortest of the TTLs; -1 = none expires. */
int64_t key_sample_min_ttl(const struct key_sample *sample);
/* Whether Redis may have one object for all keys with this value: 0 to 9999. */
bool key_sample_is_shared(struct slice value);

#endif
