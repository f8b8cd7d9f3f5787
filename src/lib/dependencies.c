/* SPDX-License-Identifier: MIT */
/* Stored dependencies. */
#include "cache/dependency_store.h"

#include "lib/args.h"

struct depend_call {
	const struct cw_dependency *what;
	size_t count;
};

static enum error check(
	const struct cw_cache *handle, const struct cw_dependency *what, struct fault *fault)
{
	enum error error = args_check_key(handle, what->key, fault);

	if (!error && what->replace && what->remove.count)
		error = fault_set(
			fault, ERR_BAD_BODY, "`replace` cannot be combined with `remove`");
	if (!error && what->add.count + what->remove.count == 0)
		error = fault_set(fault, ERR_BAD_BODY, "neither `add` nor `remove` has a key");
	if (!error && what->add.count)
		error = args_check_keys(handle, what->add, DEPENDENCY_MAX_NAMES, fault);
	if (!error && what->remove.count)
		error = args_check_keys(handle, what->remove, DEPENDENCY_MAX_NAMES, fault);
	return error;
}

static enum error change(struct cw_cache *handle, void *args, struct fault *fault)
{
	struct depend_call *asked = args;
	const struct cw_dependency *what = asked->what;
	struct dependency_change to = {.replace = what->replace};
	enum error error = check(handle, what, fault);

	if (!error)
		error = args_check_ttl(what->ttl ? what->ttl : DEPENDENCY_TTL_S, &to.ttl_ms, fault);
	if (error)
		return error;
	struct slice *add = args_slices(what->add), *remove = args_slices(what->remove);

	to.key = args_slice(what->key);
	to.add = add;
	to.add_count = what->add.count;
	to.remove = remove;
	to.remove_count = what->remove.count;
	error = dependency_write(&handle->engine.cache, &to, &asked->count, fault);
	mem_free(add);
	mem_free(remove);
	return error;
}

enum cw_status cw_depend(struct cw_cache *handle, const struct cw_dependency *what,
	size_t *ret_count, struct cw_error *error)
{
	struct depend_call args = {.what = what};
	enum cw_status status = call_run(handle, change, &args, error);

	if (ret_count)
		*ret_count = args.count;
	return status;
}

struct dependents_call {
	struct cw_bytes key;
	struct cw_names *ret;
};

static void take_names(const struct redis_value *members, struct cw_names *ret)
{
	size_t count = members ? members->count : 0;

	ret->items = mem_array(count, sizeof *ret->items);
	ret->count = count;
	for (size_t i = 0; i < count; i++) {
		struct slice name = redis_value_item(members, i);

		ret->items[i] = (struct cw_bytes){slice_dup(name), name.n};
	}
}

static enum error read_all(struct cw_cache *handle, void *args, struct fault *fault)
{
	struct dependents_call *asked = args;
	struct dependency_stored stored = {0};
	enum error error = args_check_key(handle, asked->key, fault);

	if (!error)
		error = dependency_read(&handle->engine.cache, args_slice(asked->key),
			DEPENDENCY_MAX_MEMBERS, &stored, fault);
	if (!error)
		take_names(stored.members, asked->ret);
	redis_value_free(stored.members);
	return error;
}

enum cw_status cw_dependents(
	struct cw_cache *handle, struct cw_bytes key, struct cw_names *ret, struct cw_error *error)
{
	struct dependents_call args = {key, ret};

	*ret = (struct cw_names){0};
	return call_run(handle, read_all, &args, error);
}

void cw_names_release(struct cw_names *names)
{
	if (!names)
		return;
	for (size_t i = 0; i < names->count; i++)
		mem_free((char *)names->items[i].data);
	mem_free(names->items);
	*names = (struct cw_names){0};
}

static enum error delete_all(struct cw_cache *handle, void *args, struct fault *fault)
{
	const struct dependents_call *asked = args;
	bool was;
	enum error error = args_check_key(handle, asked->key, fault);

	return error ? error
		     : dependency_remove(
			       &handle->engine.cache, args_slice(asked->key), &was, fault);
}

enum cw_status cw_dependents_delete(
	struct cw_cache *handle, struct cw_bytes key, struct cw_error *error)
{
	struct dependents_call args = {.key = key};

	return call_run(handle, delete_all, &args, error);
}
