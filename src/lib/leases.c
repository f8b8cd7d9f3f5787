/* SPDX-License-Identifier: MIT */
/* Leases, for programs that load values themselves. */
#include "cache/lease.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/args.h"

struct lease_take_call {
	struct cw_bytes key;
	int64_t timeout_ms;
	struct lease lease;
};

static enum error take(struct cw_cache *handle, void *args, struct fault *fault)
{
	struct lease_take_call *asked = args;
	enum error error = args_check_key(handle, asked->key, fault);

	if (!error && (asked->timeout_ms < 1 || asked->timeout_ms > LEASE_MAX_MS))
		error = fault_set(fault, ERR_BAD_PARAMETER,
			"a lease of %" PRId64 " ms is not between 1 and %d ms", asked->timeout_ms,
			LEASE_MAX_MS);
	if (!error)
		error = lease_take(&handle->engine.cache,
			&(struct lease_want){
				.key = args_slice(asked->key), .ms = asked->timeout_ms},
			&asked->lease, fault);
	if (!error && !asked->lease.token[0])
		error = fault_set(fault, ERR_CONFLICT,
			"another client holds the lease of this key and is loading the value");
	return error;
}

enum cw_status cw_lease_take(struct cw_cache *handle, struct cw_bytes key, int64_t timeout_ms,
	struct cw_lease *ret, struct cw_error *error)
{
	struct lease_take_call args = {.key = key, .timeout_ms = timeout_ms};
	enum cw_status status = call_run(handle, take, &args, error);

	snprintf(ret->token, sizeof ret->token, "%s", args.lease.token);
	return status;
}

/* The program's copy may contain anything. */
static struct slice token_of(const struct cw_lease *lease)
{
	return slice_of(lease->token, strnlen(lease->token, sizeof lease->token));
}

struct lease_store_call {
	const struct cw_lease *lease;
	const struct cw_entry *entry;
	bool kept;
};

static enum error store(struct cw_cache *handle, void *args, struct fault *fault)
{
	struct lease_store_call *asked = args;
	struct entry_write write;
	enum error error = args_write(handle, asked->entry, &write, fault);

	if (!error && write.mode != ENTRY_SET)
		error = fault_set(fault, ERR_BAD_PARAMETER,
			"cw_lease_store() takes the mode CW_REPLACE only");
	if (!error && token_of(asked->lease).n == 0)
		error = fault_set(fault, ERR_LEASE_LOST, "the lease is empty: it was not taken");
	if (!error)
		error = lease_store(
			&handle->engine.cache, token_of(asked->lease), &write, &asked->kept, fault);
	mem_free((void *)write.tags);
	return error;
}

enum cw_status cw_lease_store(struct cw_cache *handle, const struct cw_lease *lease,
	const struct cw_entry *entry, bool *ret_kept, struct cw_error *error)
{
	struct lease_store_call args = {.lease = lease, .entry = entry};
	enum cw_status status = call_run(handle, store, &args, error);

	if (ret_kept)
		*ret_kept = args.kept;
	return status;
}

struct lease_release_call {
	const struct cw_lease *lease;
	struct cw_bytes key;
};

static enum error give_back(struct cw_cache *handle, void *args, struct fault *fault)
{
	const struct lease_release_call *asked = args;
	enum error error = args_check_key(handle, asked->key, fault);

	if (error)
		return error;
	return lease_release(
		&handle->engine.cache, args_slice(asked->key), token_of(asked->lease), fault);
}

enum cw_status cw_lease_release(struct cw_cache *handle, const struct cw_lease *lease,
	struct cw_bytes key, struct cw_error *error)
{
	struct lease_release_call args = {lease, key};

	return call_run(handle, give_back, &args, error);
}
