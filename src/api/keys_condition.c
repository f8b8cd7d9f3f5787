/* SPDX-License-Identifier: MIT */
/*
 * Conditions on writes; see keys_condition.h.
 *
 *	read -> ETag named? -> write only over the bytes that were read -> else read again
 */
#include "api/keys_condition.h"

#include "api/keys_value.h"

enum { tries = 8 };

enum error keys_condition_read(
	struct request *request, enum keys_condition *ret, struct fault *fault)
{
	struct slice line;
	size_t at = 0;

	*ret = KEYS_ALWAYS;
	if (request_header(request, "If-Match", &line))
		*ret = slice_is(line, "*") ? KEYS_IF_PRESENT : KEYS_IF_MATCH;
	while (request_header_line(request, "If-None-Match", &at, &line)) {
		if (*ret == KEYS_IF_PRESENT || *ret == KEYS_IF_MATCH)
			return fault_set(fault, ERR_BAD_REQUEST,
				"If-Match and If-None-Match do not go together");
		if (!slice_is(line, "*"))
			return fault_set(fault, ERR_BAD_REQUEST,
				"the header If-None-Match can only be * here: store where nothing "
				"is");
		*ret = KEYS_IF_ABSENT;
	}
	return OK;
}

enum error keys_condition_failed(enum keys_condition condition, struct fault *fault)
{
	static const char *const details[] = {
		[KEYS_IF_PRESENT] = "If-Match: * writes only over a value, and there is none",
		[KEYS_IF_MATCH] = "what is stored has another ETag than If-Match names, or nothing "
				  "is stored: read it again",
		[KEYS_IF_ABSENT] = "If-None-Match: * stores only where nothing is, and the key is "
				   "there already",
	};

	return fault_set(fault, ERR_PRECONDITION_FAILED, "%s",
		details[condition] ? details[condition]
				   : "nx=true stores only where nothing is, and the key is there "
				     "already");
}

static enum error changing(struct fault *fault)
{
	return fault_set(fault, ERR_CONFLICT,
		"others changed this key %d times while its ETag was compared; nothing was "
		"changed, "
		"so try again",
		tries);
}

/* Reads what is stored and judges it. ERR_PRECONDITION_FAILED. Parks. */
static enum error judge(struct request *request, struct cache *cache, struct slice key,
	struct entry *entry, struct fault *fault)
{
	bool matches = false;
	enum error error = entry_read(cache, key, entry, fault);

	if (!error && entry->reply)
		error = keys_value_matches(request, cache, entry, &matches, fault);
	return error || matches ? error : keys_condition_failed(KEYS_IF_MATCH, fault);
}

enum error keys_condition_put(struct request *request, struct cache *cache,
	struct entry_write *write, enum entry_outcome *ret, struct fault *fault)
{
	for (int i = 0; i < tries; i++) {
		struct entry entry = {0};
		enum error error = judge(request, cache, write->key, &entry, fault);

		write->expected = &entry.stored;
		if (!error)
			error = entry_write(cache, write, ret, fault);
		write->expected = NULL;
		entry_release(&entry);
		if (error || *ret != ENTRY_NOT_STORED)
			return error;
	}
	return changing(fault);
}

static enum error delete_matching(
	struct request *request, struct cache *cache, struct slice key, struct fault *fault)
{
	for (int i = 0; i < tries; i++) {
		struct entry entry = {0};
		size_t deleted = 0;
		enum error error = judge(request, cache, key, &entry, fault);

		if (!error)
			error = entry_delete_if(cache, key, entry.stored, &deleted, fault);
		entry_release(&entry);
		if (error || deleted)
			return error;
	}
	return changing(fault);
}

enum error keys_condition_delete(struct request *request, struct cache *cache, struct slice key,
	enum keys_condition condition, struct fault *fault)
{
	size_t deleted = 0;

	if (condition == KEYS_IF_MATCH)
		return delete_matching(request, cache, key, fault);
	enum error error = entry_delete_many(cache, &key, 1, &deleted, fault);
	return error || deleted ? error : keys_condition_failed(condition, fault);
}
