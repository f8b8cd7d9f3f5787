/* SPDX-License-Identifier: MIT */
/* Tags for keys that exist. */
#include "cache/tag.h"

#include "lib/args.h"

struct tag_call {
	struct cw_list tags, keys;
	size_t tagged;
};

static enum error tag(struct cw_cache *handle, void *args, struct fault *fault)
{
	struct tag_call *asked = args;
	enum error error = args_check_tags(asked->tags, fault);

	if (!error && asked->tags.count == 0)
		error = fault_set(fault, ERR_BAD_BODY, "no tag is given");
	if (!error)
		error = args_check_keys(handle, asked->keys, ENTRY_MANY_KEYS, fault);
	if (error)
		return error;
	struct slice *tags = args_slices(asked->tags), *keys = args_slices(asked->keys);

	error = tag_existing(&handle->engine.cache, tags, asked->tags.count, keys,
		asked->keys.count, &asked->tagged, fault);
	mem_free(tags);
	mem_free(keys);
	return error;
}

enum cw_status cw_tag(struct cw_cache *handle, struct cw_list tags, struct cw_list keys,
	size_t *ret_tagged, struct cw_error *error)
{
	struct tag_call args = {.tags = tags, .keys = keys};
	enum cw_status status = call_run(handle, tag, &args, error);

	if (ret_tagged)
		*ret_tagged = args.tagged;
	return status;
}
