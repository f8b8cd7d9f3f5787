/* SPDX-License-Identifier: MIT */
/* What an invalidation names, for caches that follow it by events. */
#ifndef CW_INVALIDATE_INVALIDATION_NAMES_H
#define CW_INVALIDATE_INVALIDATION_NAMES_H

#include "invalidate/plan.h"

enum { INVALIDATION_NAMES_BYTES = 48 * 1024 };

/*
 * Appends {"keys":[...],"patterns":[...],"tags":[...],"truncated":false}: the exact keys of the
 * plan with those that rules and stored sets have brought, its patterns and its tags. A name that
 * is not UTF-8, or contains a NUL, is {"base64url":"..."}. Names beyond INVALIDATION_NAMES_BYTES
 * are left out; `truncated` is true then.
 */
void invalidation_names_json(const struct plan *plan, struct buf *out);

#endif
