/* SPDX-License-Identifier: MIT */
/* Values, many at a time. */
#include "lib/lists.h"

struct mget {
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
		value_of(value, ret);
		ret->ttl = ttl_seconds(entry->ttl_ms);
		ret->origin = entry->stale ? CW_STALE : CW_HIT;
	}
	ret->status = status_set(NULL, &fault);
	buf_release(&scratch);
}

static enum error mget(struct cw_cache *handle, void *args, struct fault *fault)
{
	struct mget *mget = args;
	size_t count = mget->keys.count;
	enum error error = check_keys(handle, mget->keys, ENTRY_MANY_KEYS, fault);

	if (error)
		return error;
	struct slice *keys = list_slices(mget->keys);
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
	struct mget args = {keys, ret};

	for (size_t i = 0; i < keys.count; i++)
		ret[i] = (struct cw_value){.status = CW_NOT_FOUND};
	return call_run(handle, mget, &args, error);
}

struct mset {
	const struct cw_entry *entries;
	size_t count, stored;
};

static enum error mset(struct cw_cache *handle, void *args, struct fault *fault)
{
	struct mset *mset = args;
	enum error error = OK;

	if (mset->count == 0 || mset->count > ENTRY_MANY_KEYS)
		return fault_set(fault, ERR_BAD_BODY, "%zu entries are given; it takes 1 to %d",
			mset->count, ENTRY_MANY_KEYS);
	struct entry_write *writes = mem_array(mset->count, sizeof *writes);

	for (size_t i = 0; i < mset->count && !error; i++)
		error = write_of(handle, &mset->entries[i], &writes[i], fault);
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
	struct mset args = {.entries = entries, .count = count};
	enum cw_status status = call_run(handle, mset, &args, error);

	if (ret_stored)
		*ret_stored = args.stored;
	return status;
}

struct mdelete {
	struct cw_list keys;
	size_t deleted;
};

static enum error mdelete(struct cw_cache *handle, void *args, struct fault *fault)
{
	struct mdelete *mdelete = args;
	enum error error = check_keys(handle, mdelete->keys, ENTRY_MANY_KEYS, fault);

	if (error)
		return error;
	struct slice *keys = list_slices(mdelete->keys);

	error = entry_delete_many(
		&handle->engine.cache, keys, mdelete->keys.count, &mdelete->deleted, fault);
	mem_free(keys);
	return error;
}

enum cw_status cw_mdelete(
	struct cw_cache *handle, struct cw_list keys, size_t *ret_deleted, struct cw_error *error)
{
	struct mdelete args = {.keys = keys};
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
