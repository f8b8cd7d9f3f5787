/* SPDX-License-Identifier: MIT */
/* Tags for keys that others stored. */
#include "cache/tag.h"

#include "lib/lists.h"

struct tagging {
	struct cw_list tags, keys;
	size_t tagged;
};

static enum error tag(struct cw_cache *handle, void *args, struct fault *fault)
{
	struct tagging *asked = args;
	enum error error = check_tags(asked->tags, fault);

	if (!error && asked->tags.count == 0)
		error = fault_set(fault, ERR_BAD_BODY, "no tag is given");
	if (!error)
		error = check_keys(handle, asked->keys, ENTRY_MANY_KEYS, fault);
	if (error)
		return error;
	struct slice *tags = list_slices(asked->tags), *keys = list_slices(asked->keys);

	error = tag_existing(&handle->engine.cache, tags, asked->tags.count, keys,
		asked->keys.count, &asked->tagged, fault);
	mem_free(tags);
	mem_free(keys);
	return error;
}

enum cw_status cw_tag(struct cw_cache *handle, struct cw_list tags, struct cw_list keys,
	size_t *ret_tagged, struct cw_error *error)
{
	struct tagging args = {.tags = tags, .keys = keys};
	enum cw_status status = call_run(handle, tag, &args, error);

	if (ret_tagged)
		*ret_tagged = args.tagged;
	return status;
}
