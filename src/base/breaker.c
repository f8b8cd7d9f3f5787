/* SPDX-License-Identifier: MIT */
/* The breaker's transitions; see breaker.h. */
#include "base/breaker.h"

#include <assert.h>
#include <stddef.h>

const char *breaker_state_name(enum breaker_state state)
{
	static const char *const names[] = {"closed", "open", "half_open"};

	return names[state];
}

void breaker_configure(
	struct breaker *breaker, int64_t threshold, int64_t open_ms, unsigned max_tries)
{
	assert(threshold > 0 && open_ms > 0 && max_tries <= BREAKER_MAX_TRIES);
	breaker->threshold = threshold;
	breaker->open_ms = open_ms;
	breaker->max_tries = max_tries;
}

enum breaker_state breaker_state(const struct breaker *breaker, int64_t now_ms)
{
	if (!breaker->open)
		return BREAKER_CLOSED;
	return now_ms < breaker->half_open_at_ms ? BREAKER_OPEN : BREAKER_HALF_OPEN;
}

static struct breaker_try *find_try(struct breaker *breaker, uint64_t key)
{
	for (unsigned i = 0; i < breaker->try_count; i++)
		if (breaker->tries[i].key == key)
			return &breaker->tries[i];
	return NULL;
}

static bool refuse(int64_t retry_at_ms, int64_t now_ms, int64_t *ret_wait_ms)
{
	*ret_wait_ms = retry_at_ms > now_ms ? retry_at_ms - now_ms : 0;
	return false;
}

bool breaker_enter(struct breaker *breaker, uint64_t key, int64_t now_ms, int64_t *ret_wait_ms)
{
	struct breaker_try *try;

	if (!breaker->open)
		return true;
	if (now_ms < breaker->half_open_at_ms)
		return refuse(breaker->half_open_at_ms, now_ms, ret_wait_ms);
	try = find_try(breaker, key);
	if (try && (try->running || now_ms < try->retry_at_ms))
		return refuse(try->retry_at_ms, now_ms, ret_wait_ms);
	if (!try && breaker->try_count == breaker->max_tries)
		return refuse(0, now_ms, ret_wait_ms);
	if (!try)
		try = &breaker->tries[breaker->try_count++];
	*try = (struct breaker_try){.key = key, .running = true};
	return true;
}

void breaker_succeeded(struct breaker *breaker)
{
	breaker->failures = 0;
	breaker->key_count = breaker->try_count = 0;
	breaker->open = false;
}

static void open_it(struct breaker *breaker, int64_t now_ms)
{
	breaker->open = true;
	breaker->half_open_at_ms = now_ms + breaker->open_ms;
	breaker->try_count = 0;
}

static void count_key(struct breaker *breaker, uint64_t key)
{
	for (unsigned i = 0; i < breaker->key_count; i++)
		if (breaker->keys[i] == key)
			return;
	if (breaker->key_count == BREAKER_MAX_KEYS || breaker->failures >= breaker->threshold)
		return;
	breaker->keys[breaker->key_count++] = key;
	breaker->failures++;
}

/* While it is not closed: true where the last of the tries has failed. */
static bool fail_try(struct breaker *breaker, uint64_t key, int64_t now_ms)
{
	struct breaker_try *try = find_try(breaker, key);
	unsigned failed = 0;

	/* It began before the breaker opened. */
	if (!try || !try->running)
		return false;
	try->running = false;
	try->retry_at_ms = now_ms + breaker->open_ms;
	for (unsigned i = 0; i < breaker->try_count; i++)
		failed += !breaker->tries[i].running;
	return failed == breaker->max_tries;
}

void breaker_failed(struct breaker *breaker, uint64_t key, int64_t weight, int64_t now_ms)
{
	bool opens;

	if (key == BREAKER_NO_KEY)
		breaker->failures += weight;
	else if (!breaker->open)
		count_key(breaker, key);
	if (!breaker->open)
		opens = breaker->failures >= breaker->threshold;
	else if (key == BREAKER_NO_KEY)
		opens = now_ms >= breaker->half_open_at_ms;
	else
		opens = fail_try(breaker, key, now_ms);
	if (opens)
		open_it(breaker, now_ms);
}

void breaker_trip(struct breaker *breaker, int64_t now_ms)
{
	breaker->failures++;
	if (breaker_state(breaker, now_ms) != BREAKER_OPEN)
		open_it(breaker, now_ms);
}

void breaker_left(struct breaker *breaker, uint64_t key)
{
	struct breaker_try *try = find_try(breaker, key);

	if (try && try->running)
		*try = breaker->tries[--breaker->try_count];
}
