/* SPDX-License-Identifier: MIT */
/* From what a program gives to what the engine takes; see lists.h. */
#include "lib/lists.h"

#include <inttypes.h>
#include <string.h>

#include "cache/tag.h"
#include "text/quantity.h"

enum { max_ttl_s = TTL_MAX_MS / 1000 };

struct slice *list_slices(struct cw_list list)
{
	struct slice *slices = mem_array(list.count, sizeof *slices);

	for (size_t i = 0; i < list.count; i++)
		slices[i] = slice_from(list.items[i]);
	return slices;
}

enum error check_key(const struct cw_cache *handle, struct cw_bytes key, struct fault *fault)
{
	enum error error = guard_check_key(slice_from(key), fault);

	return error ? error : guard_exact(&handle->guard, slice_from(key), fault);
}

enum error check_keys(
	const struct cw_cache *handle, struct cw_list keys, size_t most, struct fault *fault)
{
	enum error error = OK;

	if (keys.count == 0 || keys.count > most)
		return fault_set(fault, ERR_BAD_BODY, "%zu keys are given; it takes 1 to %zu",
			keys.count, most);
	for (size_t i = 0; i < keys.count && !error; i++)
		error = check_key(handle, keys.items[i], fault);
	return error;
}

enum error check_tags(struct cw_list tags, struct fault *fault)
{
	enum error error = OK;

	if (tags.count > ENTRY_MANY_TAGS)
		return fault_set(fault, ERR_BAD_BODY, "%zu tags are given; it takes at most %d",
			tags.count, ENTRY_MANY_TAGS);
	for (size_t i = 0; i < tags.count && !error; i++)
		error = tag_check(slice_from(tags.items[i]), fault);
	return error;
}

enum error check_ttl(int64_t seconds, int64_t *ret_ms, struct fault *fault)
{
	if (seconds < CW_TTL_NONE || seconds > max_ttl_s)
		return fault_set(fault, ERR_BAD_PARAMETER,
			"a TTL of %" PRId64 " s is not between 1 s and 10 years; CW_TTL_NONE is no "
			"expiry, CW_TTL_DEFAULT what the configuration says",
			seconds);
	*ret_ms = seconds > 0 ? seconds * 1000 : seconds;
	return OK;
}

int64_t ttl_seconds(int64_t ms)
{
	return ms <= 0 ? ms : (ms + 999) / 1000;
}

enum error write_of(const struct cw_cache *handle, const struct cw_entry *entry,
	struct entry_write *ret, struct fault *fault)
{
	static const enum entry_mode modes[] = {
		[CW_REPLACE] = ENTRY_REPLACE,
		[CW_IF_MISSING] = ENTRY_MISSING,
		[CW_IF_PRESENT] = ENTRY_REFRESH,
	};
	const struct cw_store *how = &entry->how;
	enum error error = check_key(handle, entry->key, fault);

	*ret = (struct entry_write){
		.key = slice_from(entry->key), .value = slice_from(entry->value)};
	if (!error && (unsigned)how->mode >= sizeof modes / sizeof *modes)
		error = fault_set(
			fault, ERR_BAD_PARAMETER, "%d is no enum cw_mode", (int)how->mode);
	if (!error)
		error = check_ttl(how->ttl, &ret->ttl_ms, fault);
	if (!error)
		error = check_tags(how->tags, fault);
	if (error)
		return error;
	ret->mode = modes[how->mode];
	ret->tags = list_slices(how->tags);
	ret->tag_count = how->tags.count;
	return OK;
}

void value_of(struct slice bytes, struct cw_value *ret)
{
	ret->data = mem_strndup(bytes.p, bytes.n);
	ret->size = bytes.n;
}
