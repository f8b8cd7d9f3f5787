/* SPDX-License-Identifier: MIT */
/* The reservoir of a run; see key_sample.h. */
#include "warm/key_sample.h"

#include "base/mem.h"
#include "base/random.h"

enum { shared_digits = 4 };

void key_sample_init(struct key_sample *sample, uint64_t seed)
{
	*sample = (struct key_sample){.random = seed};
}

void key_sample_release(struct key_sample *sample)
{
	for (size_t i = 0; i < sample->count; i++)
		mem_free(sample->keys[i]);
	*sample = (struct key_sample){0};
}

void key_sample_add(struct key_sample *sample, struct slice key, int64_t ttl_ms, bool shared)
{
	size_t at = sample->count;

	if (shared)
		return;
	sample->seen++;
	if (at == KEY_SAMPLE_MAX) {
		double chance = random_unit(&sample->random) * (double)sample->seen;

		if (chance >= KEY_SAMPLE_MAX)
			return;
		at = (size_t)chance;
		mem_free(sample->keys[at]);
	} else {
		sample->count++;
	}
	sample->keys[at] = slice_dup(key);
	sample->sizes[at] = key.n;
	sample->ttls_ms[at] = ttl_ms;
}

struct slice key_sample_key(const struct key_sample *sample, size_t i)
{
	return slice_of(sample->keys[i], sample->sizes[i]);
}

int64_t key_sample_min_ttl(const struct key_sample *sample)
{
	int64_t least = -1;

	for (size_t i = 0; i < sample->count; i++)
		if (sample->ttls_ms[i] >= 0 && (least < 0 || sample->ttls_ms[i] < least))
			least = sample->ttls_ms[i];
	return least;
}

bool key_sample_is_shared(struct slice value)
{
	if (value.n == 0 || value.n > shared_digits || (value.p[0] == '0' && value.n > 1))
		return false;
	for (size_t i = 0; i < value.n; i++)
		if (value.p[i] < '0' || value.p[i] > '9')
			return false;
	return true;
}
