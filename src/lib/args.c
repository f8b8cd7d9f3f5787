/* SPDX-License-Identifier: MIT */
/* Checks and conversions of arguments; see args.h. */
#include "lib/args.h"

#include <inttypes.h>
#include <string.h>

#include "cache/tag.h"
#include "text/quantity.h"

enum { max_ttl_s = TTL_MAX_MS / 1000 };

struct slice *args_slices(struct cw_list list)
{
	struct slice *slices = mem_array(list.count, sizeof *slices);

	for (size_t i = 0; i < list.count; i++)
		slices[i] = args_slice(list.items[i]);
	return slices;
}

enum error args_check_key(const struct cw_cache *handle, struct cw_bytes key, struct fault *fault)
{
	enum error error = guard_check_key(args_slice(key), fault);

	return error ? error : guard_exact(&handle->guard, args_slice(key), fault);
}

enum error args_check_keys(
	const struct cw_cache *handle, struct cw_list keys, size_t most, struct fault *fault)
{
	enum error error = OK;

	if (keys.count == 0 || keys.count > most)
		return fault_set(fault, ERR_BAD_BODY, "%zu keys are given; 1 to %zu are allowed",
			keys.count, most);
	for (size_t i = 0; i < keys.count && !error; i++)
		error = args_check_key(handle, keys.items[i], fault);
	return error;
}

enum error args_check_tags(struct cw_list tags, struct fault *fault)
{
	enum error error = OK;

	if (tags.count > ENTRY_MANY_TAGS)
		return fault_set(fault, ERR_BAD_BODY, "%zu tags are given; at most %d are allowed",
			tags.count, ENTRY_MANY_TAGS);
	for (size_t i = 0; i < tags.count && !error; i++)
		error = tag_check(args_slice(tags.items[i]), fault);
	return error;
}

enum error args_check_ttl(int64_t seconds, int64_t *ret_ms, struct fault *fault)
{
	if (seconds < CW_TTL_NONE || seconds > max_ttl_s)
		return fault_set(fault, ERR_BAD_PARAMETER,
			"a TTL of %" PRId64
			" s is not between 1 s and 10 years; CW_TTL_NONE means no "
			"expiry, CW_TTL_DEFAULT the configuration's",
			seconds);
	*ret_ms = seconds > 0 ? seconds * 1000 : seconds;
	return OK;
}

enum error args_write(const struct cw_cache *handle, const struct cw_entry *entry,
	struct entry_write *ret, struct fault *fault)
{
	static const enum entry_mode modes[] = {
		[CW_REPLACE] = ENTRY_SET,
		[CW_IF_MISSING] = ENTRY_SET_IF_ABSENT,
		[CW_IF_PRESENT] = ENTRY_SET_IF_PRESENT,
	};
	const struct cw_store *how = &entry->how;
	enum error error = args_check_key(handle, entry->key, fault);

	*ret = (struct entry_write){
		.key = args_slice(entry->key), .value = args_slice(entry->value)};
	if (!error && (unsigned)how->mode >= sizeof modes / sizeof *modes)
		error = fault_set(fault, ERR_BAD_PARAMETER, "%d is not a value of enum cw_mode",
			(int)how->mode);
	if (!error)
		error = args_check_ttl(how->ttl, &ret->ttl_ms, fault);
	if (!error)
		error = args_check_tags(how->tags, fault);
	if (error)
		return error;
	ret->mode = modes[how->mode];
	ret->tags = args_slices(how->tags);
	ret->tag_count = how->tags.count;
	return OK;
}
