/* SPDX-License-Identifier: MIT */
/* What to do with a key: use it, load it, wait for it; see result.h. */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "cache/result_internal.h"

enum {
	lease_spare_ms = 2000,
	refresh_window = 40, /* no random number asks for a refresh that many load times early */
};

struct result {
	struct cache *cache;
	const struct result_request *request;
	enum result_state state;
	struct entry entry;
	struct buf own; /* a loaded value, or a decompressed one */
	struct slice value;
	bool has_value;
	struct lease lease; /* token "" = none */
	bool served;	    /* stale, and counted */
	bool dropped;	    /* loaded, but not kept */
	struct fault absent;
};

/* Redis cannot be used, whatever the key: the value is loaded and not stored. */
static bool is_away(enum error error)
{
	return error_redis(error) && error != ERR_REDIS_ERROR;
}

/* The entry's value; one that cannot be read counts as absent, and is loaded anew. Parks. */
static enum error take_value(struct result *result, struct fault *fault)
{
	enum error error =
		entry_value(result->cache, &result->entry, &result->own, &result->value, fault);

	result->has_value = !error;
	return error == ERR_CORRUPT_VALUE ? OK : error;
}

/* XFetch: the sooner its end and the longer a load takes, the likelier. */
static bool due_early(const struct result *result)
{
	const struct result_request *request = result->request;
	int64_t left_ms = result->entry.ttl_ms;

	if (request->usual_load_ms <= 0 || left_ms < 0 ||
		left_ms / refresh_window >= request->usual_load_ms)
		return false;
	return -log(results_random(result->cache)) * (double)request->usual_load_ms >=
	       (double)left_ms;
}

/* Tells all waiters why the load failed. Parks. */
static void tell(struct result *result, const struct fault *why)
{
	struct lease_failure failure = {.why = why, .drop_pttl_ms = -1};
	bool dropped;

	if (why->error == ERR_NO_VALUE) {
		failure.remember_ms = result->request->absent_ms;
		/* Not what another has stored since we looked, which lives longer. */
		if (result->entry.reply)
			failure.drop_pttl_ms = result->entry.pttl_ms;
	}
	lease_fail(result->cache, result->request->key, slice_str(result->lease.token), &failure,
		&dropped);
	if (why->error == ERR_NO_VALUE)
		result->has_value = false;
}

/* Parks. */
static void give_back(struct result *result, const struct fault *why)
{
	if (!result->lease.token[0])
		return;
	if (why)
		tell(result, why);
	else
		lease_release(
			result->cache, result->request->key, slice_str(result->lease.token), NULL);
	result->lease.token[0] = '\0';
	results_wake(result->cache, result->request->key, why);
}

/* Parks. */
static enum error take_lease(struct result *result, struct fault *fault)
{
	const struct result_request *request = result->request;
	const struct lease_want want = {.key = request->key,
		.tags = request->tags,
		.tag_count = request->tag_count,
		.ms = request->load_ms + lease_spare_ms};

	return lease_take(result->cache, &want, &result->lease, fault);
}

/* Whether it is remembered that there is nothing to be loaded. Parks. */
static bool is_absent(struct result *result)
{
	return result->request->absent_ms > 0 && !result->entry.reply &&
	       lease_absent(result->cache, result->request->key, &result->absent);
}

/* Whether a value was stored between our read and our lease. Parks. */
static bool was_stored(const struct result *result)
{
	int64_t before_ms = result->entry.reply ? result->entry.ttl_ms : -2, now_ms;

	if (entry_ttl(result->cache, result->request->key, &now_ms, NULL))
		return false;
	return now_ms != before_ms && (now_ms == -1 || now_ms > before_ms);
}

/* What follows a look: use or load the value, wait for another load, or look again. */
enum next { DONE, WAIT, AGAIN };

/* Parks. */
static enum error look(struct result *result, enum next *ret, struct fault *fault)
{
	struct entry *entry = &result->entry;
	enum error error = entry_read(result->cache, result->request->key, entry, fault);

	*ret = DONE;
	if (!error && entry->reply)
		error = take_value(result, fault);
	if (error)
		return error;
	bool fresh = result->has_value && !entry->stale;
	result->state = fresh ? RESULT_HIT : RESULT_STALE;
	if (fresh && !due_early(result))
		return OK;
	if (is_absent(result)) {
		result->state = RESULT_ABSENT;
		return OK;
	}
	error = take_lease(result, fault);
	if (!result->lease.token[0])
		*ret = error || result->has_value ? DONE : WAIT;
	else if (was_stored(result) || is_absent(result))
		*ret = AGAIN;
	else
		result->state = RESULT_LOAD;
	/* A value at hand needs no lease. */
	return result->has_value && is_away(error) ? OK : error;
}

static enum error begin(struct result *result, struct fault *fault)
{
	enum error error = OK;
	enum next next = AGAIN;

	while (!error && next != DONE) {
		give_back(result, NULL);
		entry_release(&result->entry);
		buf_clear(&result->own);
		result->has_value = false;
		error = look(result, &next, fault);
		if (!error && next == WAIT)
			error = results_wait(result->cache, result->request->key,
				result->lease.holder, result->request->deadline, fault);
		/* A wait that failed is not a reason to load at the same time as others. */
		if (next == WAIT && (error == ERR_TIMEOUT || error == ERR_OVERLOADED))
			return error;
	}
	if (!is_away(error))
		return error;
	result->state = RESULT_BYPASS;
	return OK;
}

enum error result_begin(struct cache *cache, const struct result_request *request,
	struct result **ret, struct fault *fault)
{
	struct result *result = mem_new(struct result);

	result->cache = cache;
	result->request = request;
	enum error error = begin(result, fault);
	if (!error && result->state == RESULT_STALE)
		result_served(result);
	if (error) {
		result_end(result);
		result = NULL;
	}
	*ret = result;
	return error;
}

enum result_state result_state(const struct result *result)
{
	return result->state;
}

const struct fault *result_absent(const struct result *result)
{
	return &result->absent;
}

bool result_value(const struct result *result, struct slice *ret)
{
	*ret = result->value;
	return result->has_value;
}

int64_t result_ttl_ms(const struct result *result)
{
	const struct result_request *request = result->request;

	if (result->state == RESULT_MISS && result->dropped)
		return -2;
	if (result->state == RESULT_MISS)
		return request->ttl_ms ? request->ttl_ms
				       : conf_ttl_ms(result->cache->conf, request->key);
	return result->entry.reply ? result->entry.ttl_ms : -2;
}

int64_t result_age_seconds(const struct result *result)
{
	const struct conf *conf = result->cache->conf;
	const struct result_request *request = result->request;
	int64_t px_ms = entry_px(conf, request->key, request->ttl_ms);

	if (result->state == RESULT_MISS || result->state == RESULT_BYPASS)
		return 0;
	if (!result->entry.reply || px_ms < 0 || result->entry.pttl_ms < 0)
		return -1;
	int64_t age_ms = px_ms - result->entry.pttl_ms;
	return age_ms > 0 ? age_ms / 1000 : 0;
}

void result_finish(struct result *result, struct slice value, struct fault *fault)
{
	const struct result_request *request = result->request;
	const struct entry_write write = {.key = request->key,
		.value = value,
		.ttl_ms = request->ttl_ms,
		.tags = request->tags,
		.tag_count = request->tag_count};
	bool kept = false;

	fault->error = OK;
	result->cache->loads++;
	if (result->lease.token[0]) {
		if (lease_store(
			    result->cache, slice_str(result->lease.token), &write, &kept, fault))
			lease_release(
				result->cache, request->key, slice_str(result->lease.token), NULL);
		result->lease.token[0] = '\0';
		result->state = RESULT_MISS;
		result->dropped = !kept;
		results_wake(result->cache, request->key, NULL);
	}
	buf_clear(&result->own);
	buf_add(&result->own, value);
	result->value = buf_slice(&result->own);
	result->has_value = true;
}

void result_fail(struct result *result, const struct fault *why)
{
	give_back(result, why);
	if (!result->has_value)
		return;
	result->state = result->entry.stale ? RESULT_STALE : RESULT_HIT;
	if (result->entry.stale)
		result_served(result);
}

void result_served(struct result *result)
{
	if (!result->served)
		result->cache->stale_served++;
	result->served = true;
}

void result_end(struct result *result)
{
	if (!result)
		return;
	give_back(result, NULL);
	entry_release(&result->entry);
	buf_release(&result->own);
	mem_free(result);
}
