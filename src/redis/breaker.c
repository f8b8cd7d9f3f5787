/* SPDX-License-Identifier: MIT */
/* The breaker's transitions; see breaker.h. */
#include "redis/breaker.h"

#include <assert.h>

void breaker_init(struct breaker *breaker, int64_t threshold, int64_t probe_every_ms)
{
	*breaker = (struct breaker){0};
	breaker_configure(breaker, threshold, probe_every_ms);
}

void breaker_configure(struct breaker *breaker, int64_t threshold, int64_t probe_every_ms)
{
	assert(threshold > 0 && probe_every_ms > 0);
	breaker->threshold = threshold;
	breaker->probe_every_ms = probe_every_ms;
}

bool breaker_admits(const struct breaker *breaker)
{
	return breaker->state == BREAKER_CLOSED;
}

bool breaker_probe(struct breaker *breaker, int64_t now_ms)
{
	/* A probe whose outcome never came does not keep the breaker half open for ever. */
	if (breaker->state == BREAKER_CLOSED ||
		now_ms - breaker->probed_ms < breaker->probe_every_ms)
		return false;
	breaker->state = BREAKER_HALF_OPEN;
	breaker->probed_ms = now_ms;
	return true;
}

bool breaker_success(struct breaker *breaker)
{
	bool changed = breaker->state != BREAKER_CLOSED;

	breaker->failures = 0;
	breaker->state = BREAKER_CLOSED;
	return changed;
}

static bool open_it(struct breaker *breaker, int64_t now_ms)
{
	if (breaker->state == BREAKER_OPEN)
		return false;
	breaker->state = BREAKER_OPEN;
	breaker->probed_ms = now_ms;
	return true;
}

bool breaker_failure(struct breaker *breaker, int64_t count, int64_t now_ms)
{
	breaker->failures += count;
	return breaker->failures >= breaker->threshold && open_it(breaker, now_ms);
}

bool breaker_refused(struct breaker *breaker, int64_t now_ms)
{
	breaker->failures++;
	return open_it(breaker, now_ms);
}

const char *breaker_state_name(enum breaker_state state)
{
	switch (state) {
	case BREAKER_CLOSED:
		return "closed";
	case BREAKER_OPEN:
		return "open";
	case BREAKER_HALF_OPEN:
		return "half_open";
	}
	assert(0);
	return "";
}
