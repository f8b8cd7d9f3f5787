/* SPDX-License-Identifier: MIT */
/* Values, one at a time. */
#include "lib/lists.h"

struct get {
	struct cw_bytes key;
	struct cw_value *ret;
};

static enum error absent(struct fault *fault)
{
	return fault_set(fault, ERR_NO_VALUE, "there is no value under this key");
}

static enum error get(struct cw_cache *handle, void *args, struct fault *fault)
{
	struct get *get = args;
	struct entry entry = {0};
	struct buf scratch = {0};
	struct slice value = {0};
	enum error error = check_key(handle, get->key, fault);

	if (!error)
		error = entry_read(&handle->engine.cache, slice_from(get->key), &entry, fault);
	if (!error && !entry.reply)
		error = absent(fault);
	if (!error)
		error = entry_value(&handle->engine.cache, &entry, &scratch, &value, fault);
	if (!error) {
		value_of(value, get->ret);
		get->ret->ttl = ttl_seconds(entry.ttl_ms);
		get->ret->origin = entry.stale ? CW_STALE : CW_HIT;
	}
	entry_release(&entry);
	buf_release(&scratch);
	return error;
}

enum cw_status cw_get(
	struct cw_cache *handle, struct cw_bytes key, struct cw_value *ret, struct cw_error *error)
{
	struct get args = {key, ret};

	*ret = (struct cw_value){0};
	return call_run(handle, get, &args, error);
}

void cw_value_release(struct cw_value *value)
{
	if (!value)
		return;
	mem_free(value->data);
	*value = (struct cw_value){0};
}

static enum error set(struct cw_cache *handle, void *args, struct fault *fault)
{
	struct entry_write write;
	enum entry_outcome outcome;
	enum error error = write_of(handle, args, &write, fault);

	if (!error)
		error = entry_write(&handle->engine.cache, &write, &outcome, fault);
	if (!error && outcome == ENTRY_NOT_STORED)
		error = fault_set(fault, ERR_PRECONDITION_FAILED,
			write.mode == ENTRY_MISSING
				? "CW_IF_MISSING stores where nothing is; the key is there already"
				: "CW_IF_PRESENT stores where something is; the key is not there");
	mem_free((void *)write.tags);
	return error;
}

enum cw_status cw_set(struct cw_cache *handle, struct cw_bytes key, struct cw_bytes value,
	const struct cw_store *how, struct cw_error *error)
{
	struct cw_entry args = {.key = key, .value = value};

	if (how)
		args.how = *how;
	return call_run(handle, set, &args, error);
}

struct ttl {
	struct cw_bytes key;
	int64_t ms; /* as entry_ttl() has it */
};

static enum error ttl(struct cw_cache *handle, void *args, struct fault *fault)
{
	struct ttl *ttl = args;
	enum error error = check_key(handle, ttl->key, fault);

	return error ? error
		     : entry_ttl(&handle->engine.cache, slice_from(ttl->key), &ttl->ms, fault);
}

static enum error ttl_present(struct cw_cache *handle, void *args, struct fault *fault)
{
	struct ttl *asked = args;
	enum error error = ttl(handle, args, fault);

	return !error && asked->ms == -2 ? absent(fault) : error;
}

enum cw_status cw_ttl(
	struct cw_cache *handle, struct cw_bytes key, int64_t *ret, struct cw_error *error)
{
	struct ttl args = {.key = key};
	enum cw_status status = call_run(handle, ttl_present, &args, error);

	*ret = ttl_seconds(args.ms);
	return status;
}

enum cw_status cw_exists(
	struct cw_cache *handle, struct cw_bytes key, bool *ret, struct cw_error *error)
{
	struct ttl args = {.key = key, .ms = -2};
	enum cw_status status = call_run(handle, ttl, &args, error);

	*ret = args.ms != -2;
	return status;
}

static enum error expire(struct cw_cache *handle, void *args, struct fault *fault)
{
	const struct ttl *asked = args;
	int64_t ms;
	bool there = false;
	enum error error = check_key(handle, asked->key, fault);

	if (!error)
		error = check_ttl(asked->ms, &ms, fault);
	if (!error)
		error = entry_expire(
			&handle->engine.cache, slice_from(asked->key), ms, &there, fault);
	return !error && !there ? absent(fault) : error;
}

enum cw_status cw_expire(
	struct cw_cache *handle, struct cw_bytes key, int64_t seconds, struct cw_error *error)
{
	struct ttl args = {key, seconds};

	return call_run(handle, expire, &args, error);
}
