/* SPDX-License-Identifier: MIT */
/*
 * Waiting for a load of another request or process.
 *
 *	waiters of one key -> one of them polls its lease, 10 to 100 ms apart -> all look again, or
 *	the load was ours  -> results_wake() ------------------------------------^  get its error
 *
 * Where the poller leaves before its time, the next waiter takes its place.
 */
#include <string.h>
#include <uthash.h>

#include "base/crypto.h"
#include "base/mem.h"
#include "base/min.h"
#include "base/random.h"
#include "cache/result_internal.h"

enum { poll_first_ms = 10, poll_last_ms = 100 };

/* The waiters of one key. */
struct waiting {
	UT_hash_handle hh;
	struct fiber_cond cond;
	size_t count;
	uint64_t woken;	     /* how often all were told to look again */
	struct fault failed; /* why, where they need not look again */
	bool polled;
	size_t n;
	char key[];
};

struct results {
	struct waiting *waiting;
	size_t count; /* of waiters */
	uint64_t random;
};

struct results *results_new(void)
{
	struct results *results = mem_new(struct results);

	crypto_random(&results->random, sizeof results->random);
	return results;
}

void results_free(struct results *results)
{
	mem_free(results);
}

size_t results_waiting(const struct results *results)
{
	return results->count;
}

double results_random(struct cache *cache)
{
	return random_unit(&cache->results->random);
}

static struct waiting *join(struct results *results, struct slice key)
{
	struct waiting *waiting;

	HASH_FIND(hh, results->waiting, key.p, key.n, waiting);
	if (!waiting) {
		waiting = mem_alloc(sizeof *waiting + key.n);
		*waiting = (struct waiting){.n = key.n};
		memcpy(waiting->key, key.p, key.n);
		HASH_ADD_KEYPTR(hh, results->waiting, waiting->key, waiting->n, waiting);
	}
	waiting->count++;
	results->count++;
	return waiting;
}

static void leave(struct results *results, struct waiting *waiting)
{
	results->count--;
	if (--waiting->count)
		return;
	HASH_DELETE(hh, results->waiting, waiting);
	mem_free(waiting);
}

static void wake(struct waiting *waiting, const struct fault *failed)
{
	waiting->woken++;
	waiting->failed = failed ? *failed : (struct fault){0};
	fiber_cond_broadcast(&waiting->cond);
}

void results_wake(struct cache *cache, struct slice key, const struct fault *failed)
{
	struct waiting *waiting;

	HASH_FIND(hh, cache->results->waiting, key.p, key.n, waiting);
	if (waiting)
		wake(waiting, failed);
}

/* A waiter that polls a lease. */
struct poll {
	struct cache *cache;
	struct waiting *waiting;
	const char *holder; /* whose lease it was */
	bool asked;
	char before[OWNER_TOKEN_DIGITS + 1]; /* whose load had failed when it was asked first */
	bool taken;
};

/* Notes which load has failed last; true if it has since the waiting began. */
static bool note_failure(struct poll *poll, const struct lease_watch *watch)
{
	bool first = !poll->asked;

	poll->asked = true;
	if (!watch->failed[0])
		return false;
	if (strcmp(watch->failed, poll->holder) == 0)
		return true;
	if (first)
		memcpy(poll->before, watch->failed, sizeof poll->before);
	return strcmp(watch->failed, poll->before) != 0;
}

/*
 * Whether the lease is still taken, or what the load has failed with. That Redis did not answer in
 * time says nothing about the load; that too much waits for it now may pass until the next look.
 * Parks.
 */
static enum error ask_lease(struct poll *poll, struct fault *fault)
{
	const struct waiting *waiting = poll->waiting;
	struct lease_watch watch;
	enum error error =
		lease_watch(poll->cache, slice_of(waiting->key, waiting->n), &watch, fault);

	if (error == ERR_TIMEOUT)
		error = fault->error = ERR_REDIS_UNAVAILABLE;
	if (error == ERR_OVERLOADED)
		return OK;
	if (error)
		return error;
	poll->taken = watch.taken;
	if (!note_failure(poll, &watch))
		return OK;
	*fault = watch.why;
	return watch.why.error;
}

/*
 * Asks until the lease has ended or another waiter knew it. What the load failed with, and what
 * keeps us from Redis, is told to all waiters, for else one after the other would find it out.
 * Parks.
 */
static enum error poll_lease(struct cache *cache, struct waiting *waiting, const char *holder,
	int64_t deadline, struct fault *fault)
{
	struct poll poll = {.cache = cache, .waiting = waiting, .holder = holder, .taken = true};
	uint64_t before = waiting->woken;
	int64_t wait_ms = poll_first_ms;
	enum error error = OK, asked = OK;

	while (!error && poll.taken && waiting->woken == before) {
		error = fiber_cond_wait(&waiting->cond, "the time to look at a lease",
			min_int64(deadline, clock_deadline(wait_ms)));
		if (error == ERR_TIMEOUT && clock_mono_ms() < deadline)
			error = OK;
		if (!error && waiting->woken == before)
			error = asked = ask_lease(&poll, fault);
		wait_ms = min_int64(wait_ms * 3 / 2, poll_last_ms);
	}
	if ((!error || asked) && error != ERR_CANCELLED && waiting->woken == before)
		wake(waiting, asked ? fault : NULL);
	return error;
}

/* Another waiter polls: waits until it has an answer or has left. Parks. */
static enum error await_poller(struct waiting *waiting, int64_t deadline)
{
	uint64_t before = waiting->woken;
	enum error error = OK;

	while (!error && waiting->polled && waiting->woken == before)
		error = fiber_cond_wait(&waiting->cond, "a load elsewhere", deadline);
	return error;
}

enum error results_wait(struct cache *cache, struct slice key, const char *holder, int64_t deadline,
	struct fault *fault)
{
	struct results *results = cache->results;
	struct fault failed = {0};
	enum error error;

	if (results->count >= RESULT_MAX_WAITERS)
		return fault_set(fault, ERR_OVERLOADED,
			"%d requests wait for values that are being loaded", RESULT_MAX_WAITERS);
	struct waiting *waiting = join(results, key);
	uint64_t before = waiting->woken;
	fiber_wait_begin();
	if (waiting->polled) {
		error = await_poller(waiting, deadline);
	} else {
		waiting->polled = true;
		error = poll_lease(cache, waiting, holder, deadline, fault);
		waiting->polled = false;
		/* One of the remaining waiters becomes the next poller. */
		if (error)
			fiber_cond_broadcast(&waiting->cond);
	}
	fiber_wait_end();
	if (waiting->woken != before)
		failed = waiting->failed;
	leave(results, waiting);
	if (!error && failed.error) {
		*fault = failed;
		return failed.error;
	}
	if (error == ERR_TIMEOUT && clock_mono_ms() >= deadline)
		fault_set(fault, error, "another load of the value did not end in time");
	else if (error == ERR_CANCELLED)
		fault_set(fault, error, "was cancelled while waiting for a value");
	return error;
}
