/* SPDX-License-Identifier: MIT */
/* Values under keys, one or many at a time. */
#include "lib/args.h"

int64_t value_ttl(int64_t ms)
{
	return ms <= 0 ? ms : (ms + 999) / 1000;
}

void value_copy(struct slice bytes, struct cw_value *ret)
{
	ret->data = mem_strndup(bytes.p, bytes.n);
	ret->size = bytes.n;
}

struct get_call {
	struct cw_bytes key;
	struct cw_value *ret;
};

static enum error absent(struct fault *fault)
{
	return fault_set(fault, ERR_NO_VALUE, "there is no value under this key");
}

static enum error get(struct cw_cache *handle, void *args, struct fault *fault)
{
	struct get_call *get = args;
	struct entry entry = {0};
	struct buf scratch = {0};
	struct slice value = {0};
	enum error error = args_check_key(handle, get->key, fault);

	if (!error)
		error = entry_read(&handle->engine.cache, args_slice(get->key), &entry, fault);
	if (!error && !entry.reply)
		error = absent(fault);
	if (!error)
		error = entry_value(&handle->engine.cache, &entry, &scratch, &value, fault);
	if (!error) {
		value_copy(value, get->ret);
		get->ret->ttl = value_ttl(entry.ttl_ms);
		get->ret->origin = entry.stale ? CW_STALE : CW_HIT;
	}
	entry_release(&entry);
	buf_release(&scratch);
	return error;
}

enum cw_status cw_get(
	struct cw_cache *handle, struct cw_bytes key, struct cw_value *ret, struct cw_error *error)
{
	struct get_call args = {key, ret};

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
	enum error error = args_write(handle, args, &write, fault);

	if (!error)
		error = entry_write(&handle->engine.cache, &write, &outcome, fault);
	if (!error && outcome == ENTRY_NOT_STORED)
		error = fault_set(fault, ERR_PRECONDITION_FAILED,
			write.mode == ENTRY_SET_IF_ABSENT
				? "the key exists, and CW_IF_MISSING stores only if it does not"
				: "the key does not exist, and CW_IF_PRESENT stores only if it "
				  "does");
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

struct ttl_call {
	struct cw_bytes key;
	int64_t ms; /* as entry_ttl() has it */
};

static enum error ttl(struct cw_cache *handle, void *args, struct fault *fault)
{
	struct ttl_call *ttl = args;
	enum error error = args_check_key(handle, ttl->key, fault);

	return error ? error
		     : entry_ttl(&handle->engine.cache, args_slice(ttl->key), &ttl->ms, fault);
}

static enum error ttl_present(struct cw_cache *handle, void *args, struct fault *fault)
{
	struct ttl_call *asked = args;
	enum error error = ttl(handle, args, fault);

	return !error && asked->ms == -2 ? absent(fault) : error;
}

enum cw_status cw_ttl(
	struct cw_cache *handle, struct cw_bytes key, int64_t *ret, struct cw_error *error)
{
	struct ttl_call args = {.key = key};
	enum cw_status status = call_run(handle, ttl_present, &args, error);

	*ret = value_ttl(args.ms);
	return status;
}

enum cw_status cw_exists(
	struct cw_cache *handle, struct cw_bytes key, bool *ret, struct cw_error *error)
{
	struct ttl_call args = {.key = key, .ms = -2};
	enum cw_status status = call_run(handle, ttl, &args, error);

	*ret = args.ms != -2;
	return status;
}

static enum error expire(struct cw_cache *handle, void *args, struct fault *fault)
{
	const struct ttl_call *asked = args;
	int64_t ms;
	bool there = false;
	enum error error = args_check_key(handle, asked->key, fault);

	if (!error)
		error = args_check_ttl(asked->ms, &ms, fault);
	if (!error)
		error = entry_expire(
			&handle->engine.cache, args_slice(asked->key), ms, &there, fault);
	return !error && !there ? absent(fault) : error;
}

enum cw_status cw_expire(
	struct cw_cache *handle, struct cw_bytes key, int64_t seconds, struct cw_error *error)
{
	struct ttl_call args = {key, seconds};

	return call_run(handle, expire, &args, error);
}

struct mget_call {
	struct cw_list keys;
	struct cw_value *ret;
};

static void take_value(struct cw_cache *handle, const struct entry *entry, struct cw_value *ret)
{
	struct buf scratch = {0};
	struct fault fault = {.error = entry->error};
	struct slice value = {0};

	if (!fault.error && !entry->reply)
		fault.error = ERR_NO_VALUE;
	if (!fault.error && !entry_value(&handle->engine.cache, entry, &scratch, &value, &fault)) {
		value_copy(value, ret);
		ret->ttl = value_ttl(entry->ttl_ms);
		ret->origin = entry->stale ? CW_STALE : CW_HIT;
	}
	ret->status = status_set(NULL, &fault);
	buf_release(&scratch);
}

static enum error mget(struct cw_cache *handle, void *args, struct fault *fault)
{
	struct mget_call *mget = args;
	size_t count = mget->keys.count;
	enum error error = args_check_keys(handle, mget->keys, ENTRY_MANY_KEYS, fault);

	if (error)
		return error;
	struct slice *keys = args_slices(mget->keys);
	struct entry *entries = mem_array(count, sizeof *entries);

	error = entry_read_many(&handle->engine.cache, keys, count, NULL, entries, fault);
	for (size_t i = 0; i < count; i++) {
		if (!error)
			take_value(handle, &entries[i], &mget->ret[i]);
		entry_release(&entries[i]);
	}
	mem_free(entries);
	mem_free(keys);
	return error;
}

enum cw_status cw_mget(
	struct cw_cache *handle, struct cw_list keys, struct cw_value *ret, struct cw_error *error)
{
	struct mget_call args = {keys, ret};

	for (size_t i = 0; i < keys.count; i++)
		ret[i] = (struct cw_value){.status = CW_NOT_FOUND};
	return call_run(handle, mget, &args, error);
}

struct mset_call {
	const struct cw_entry *entries;
	size_t count, stored;
};

static enum error mset(struct cw_cache *handle, void *args, struct fault *fault)
{
	struct mset_call *mset = args;
	enum error error = OK;

	if (mset->count == 0 || mset->count > ENTRY_MANY_KEYS)
		return fault_set(fault, ERR_BAD_BODY, "%zu entries are given; 1 to %d are allowed",
			mset->count, ENTRY_MANY_KEYS);
	struct entry_write *writes = mem_array(mset->count, sizeof *writes);

	for (size_t i = 0; i < mset->count && !error; i++)
		error = args_write(handle, &mset->entries[i], &writes[i], fault);
	if (!error)
		error = entry_write_many(
			&handle->engine.cache, writes, mset->count, &mset->stored, fault);
	for (size_t i = 0; i < mset->count; i++)
		mem_free((void *)writes[i].tags);
	mem_free(writes);
	return error;
}

enum cw_status cw_mset(struct cw_cache *handle, const struct cw_entry *entries, size_t count,
	size_t *ret_stored, struct cw_error *error)
{
	struct mset_call args = {.entries = entries, .count = count};
	enum cw_status status = call_run(handle, mset, &args, error);

	if (ret_stored)
		*ret_stored = args.stored;
	return status;
}

struct mdelete_call {
	struct cw_list keys;
	size_t deleted;
};

static enum error mdelete(struct cw_cache *handle, void *args, struct fault *fault)
{
	struct mdelete_call *mdelete = args;
	enum error error = args_check_keys(handle, mdelete->keys, ENTRY_MANY_KEYS, fault);

	if (error)
		return error;
	struct slice *keys = args_slices(mdelete->keys);

	error = entry_delete_many(
		&handle->engine.cache, NULL, keys, mdelete->keys.count, &mdelete->deleted, fault);
	mem_free(keys);
	return error;
}

enum cw_status cw_mdelete(
	struct cw_cache *handle, struct cw_list keys, size_t *ret_deleted, struct cw_error *error)
{
	struct mdelete_call args = {.keys = keys};
	enum cw_status status = call_run(handle, mdelete, &args, error);

	if (ret_deleted)
		*ret_deleted = args.deleted;
	return status;
}

enum cw_status cw_delete(
	struct cw_cache *handle, struct cw_bytes key, size_t *ret_deleted, struct cw_error *error)
{
	return cw_mdelete(handle, cw_list(&key, 1), ret_deleted, error);
}
