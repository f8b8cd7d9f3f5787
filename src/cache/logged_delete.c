/* SPDX-License-Identifier: MIT */
/* Log, delete; without memory for the log delete, log, delete again: see logged_delete.h. */
#include "cache/logged_delete.h"

#include "cache/unlogged.h"

enum { retry_ms = 100 };

static enum error append_to_log(
	struct cache *cache, const struct inval_entry *entry, struct fault *fault)
{
	enum error error = inval_log_append(cache, entry, fault);

	/* A second entry for the same names does no harm. */
	if (error == ERR_REDIS_UNKNOWN_OUTCOME && fiber_sleep(retry_ms) == OK)
		error = inval_log_append(cache, entry, fault);
	log_debug(cache->log, "cw:inval: %zu keys, %zu patterns, %zu tags: %s", entry->key_count,
		entry->pattern_count, entry->tag_count, error ? error_code(error) : "noted");
	return error;
}

enum error logged_delete(struct cache *cache, const struct inval_entry *entry,
	logged_delete_function *delete, void *context, bool *ret_logged, struct fault *fault)
{
	enum error error = append_to_log(cache, entry, fault);

	*ret_logged = !error;
	if (error && error != ERR_REDIS_OOM)
		return error;
	error = delete (context, fault);
	if (*ret_logged)
		return error;
	*ret_logged = !error && append_to_log(cache, entry, fault) == OK;
	if (*ret_logged)
		return delete (context, fault);
	/* Else nothing was deleted. */
	if (error != ERR_CONFIRMATION_REQUIRED)
		unlogged_add(cache, entry);
	return error;
}
