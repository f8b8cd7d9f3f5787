/* SPDX-License-Identifier: MIT */
/* GET ?lease=, PUT with X-Cache-Lease and DELETE .../lease; see keys_lease.h. */
#include "api/keys_lease.h"

#include "api/handlers.h"
#include "api/keys.h"
#include "cache/lease.h"

enum { again_s = 1 };

static void reply_none(struct request *request, const char *detail)
{
	struct fault fault;

	fault_set(&fault, ERR_NO_VALUE, "%s", detail);
	reply_header(request, "X-Cache", "MISS");
	reply_fault(request, &fault);
}

static void reply_load(struct request *request, const struct lease *lease)
{
	reply_header(request, "X-Cache-Lease", lease->token);
	reply_none(request, "there is no fresh value: load it and PUT it with this X-Cache-Lease "
			    "before it ends");
}

/*
 * A value may have been stored between the read and the lease. True: `entry` has this fresh value,
 * and the lease is released. Parks.
 */
static bool stored_meanwhile(
	struct cache *cache, struct slice key, const struct lease *lease, struct entry *entry)
{
	struct entry fresh = {0};
	int64_t ttl_ms;

	if (entry_ttl(cache, key, &ttl_ms, NULL) || ttl_ms == -2 || ttl_ms == 0)
		return false;
	if (entry_read(cache, key, &fresh, NULL) || !fresh.reply || fresh.stale) {
		entry_release(&fresh);
		return false;
	}
	lease_release(cache, key, slice_str(lease->token), NULL);
	entry_release(entry);
	*entry = fresh;
	return true;
}

enum error keys_lease_wanted(struct request *request, int64_t *ret_s, struct fault *fault)
{
	*ret_s = 0;
	enum error error =
		request_query_int(request, "lease", 1, LEASE_MAX_MS / 1000, ret_s, fault);

	/* HEAD must not change anything. */
	if (request_is_head(request))
		*ret_s = 0;
	/* A lease keeps other callers from loading: the rules for writes apply. */
	if (!error && *ret_s)
		error = request_may_change(request, fault);
	return error;
}

bool keys_lease_answer(struct request *request, struct app *app, struct slice key, int64_t seconds,
	struct entry *entry)
{
	struct lease lease;
	struct fault fault;

	if (lease_take(&app->engine.cache, &(struct lease_want){.key = key, .ms = seconds * 1000},
		    &lease, &fault)) {
		if (entry->reply)
			return false;
		reply_fault(request, &fault);
		return true;
	}
	if (lease.token[0]) {
		if (stored_meanwhile(&app->engine.cache, key, &lease, entry))
			return false;
		reply_load(request, &lease);
		return true;
	}
	if (entry->reply)
		return false;
	reply_retry_after(request, again_s);
	reply_none(request, "another client is loading it: try again");
	return true;
}

void keys_lease_refused(struct request *request, struct cache *cache, struct slice key)
{
	struct slice token;

	if (request_header(request, "X-Cache-Lease", &token))
		lease_release(cache, key, token, NULL);
}

void api_key_lease_end(struct request *request, void *context)
{
	struct app *app = context;
	struct slice key, token;
	struct fault fault;
	enum error error = keys_name(request, &key, &fault);

	if (!error && !request_header(request, "X-Cache-Lease", &token))
		error = fault_set(&fault, ERR_BAD_REQUEST,
			"send the header X-Cache-Lease with the token of the lease to release");
	if (!error)
		error = lease_release(&app->engine.cache, key, token, &fault);
	if (error)
		reply_fault(request, &fault);
	else
		reply_empty(request, 204);
}

enum error keys_lease_put(struct cache *cache, struct slice token, const struct entry_write *write,
	enum entry_outcome *ret, struct fault *fault)
{
	bool kept = false;
	int64_t ttl_ms = 0;
	enum error error = entry_ttl(cache, write->key, &ttl_ms, fault);

	if (!error)
		error = lease_store(cache, token, write, &kept, fault);
	if (!error && !kept)
		error = fault_set(fault, ERR_LEASE_LOST,
			"the key was invalidated while its value was loaded, so nothing was "
			"stored: load it again");
	*ret = ttl_ms == -2 ? ENTRY_STORED_NEW : ENTRY_STORED_OVER;
	return error;
}
