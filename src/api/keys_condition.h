/* SPDX-License-Identifier: MIT */
/* Conditions on writes of one key: If-Match, If-None-Match: *; judged in the moment of writing. */
#ifndef CW_API_KEYS_CONDITION_H
#define CW_API_KEYS_CONDITION_H

#include "api/app.h"
#include "cache/entry.h"

enum keys_condition {
	KEYS_ALWAYS,
	KEYS_IF_PRESENT, /* If-Match: * */
	KEYS_IF_MATCH,	 /* If-Match: ETags */
	KEYS_IF_ABSENT,	 /* If-None-Match: * */
};

/* ERR_BAD_REQUEST where If-None-Match is another than *, or both headers are there. */
enum error keys_condition_read(
	struct request *request, enum keys_condition *ret, struct fault *fault);
/*
 * Writes under KEYS_IF_MATCH. ERR_PRECONDITION_FAILED where nothing is stored, or something else;
 * ERR_CONFLICT where it changed again and again meanwhile. Parks.
 */
enum error keys_condition_put(struct request *request, struct cache *cache,
	struct entry_write *write, enum entry_outcome *ret, struct fault *fault);
/* Deletes under a condition of If-Match, as above. Parks. */
enum error keys_condition_delete(struct request *request, struct cache *cache, struct slice key,
	enum keys_condition condition, struct fault *fault);
/* What a condition that does not hold is told with. */
enum error keys_condition_failed(enum keys_condition condition, struct fault *fault);

#endif
