/* SPDX-License-Identifier: MIT */
/* What a change is about, in a few words: the `target` of the audit log's lines. */
#ifndef CW_WATCH_AUDIT_TARGET_H
#define CW_WATCH_AUDIT_TARGET_H

#include <cjson/cJSON.h>

#include "base/buf.h"

enum { AUDIT_TARGET_NAMES = 8, AUDIT_TARGET_NAME_BYTES = 64 };

/* "pattern user:*, key a:1 and 40 more". Zeroed = nothing yet. */
struct audit_target {
	struct buf text;
	size_t listed, omitted;
};

/* `kind` may be empty. Longer names are cut, and beyond AUDIT_TARGET_NAMES they are counted. */
void audit_target_add(struct audit_target *target, struct slice kind, struct slice name);
/* Counts what is not given to audit_target_add(). */
void audit_target_omit(struct audit_target *target, size_t count);
/* Appends it as a JSON string, or null if there is nothing, and empties it. */
void audit_target_end(struct audit_target *target, struct buf *out);
/* Adds `target` and `selectors` from an invalidation's result, or the job's name. */
void audit_target_of_operation(cJSON *line, const cJSON *result, const char *job);

#endif
