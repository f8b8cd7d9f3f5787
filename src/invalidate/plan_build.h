/* SPDX-License-Identifier: MIT */
/* How a plan grows; for plan.c and plan_cascade.c only. */
#ifndef CW_INVALIDATE_PLAN_BUILD_H
#define CW_INVALIDATE_PLAN_BUILD_H

#include "invalidate/plan.h"

/* The index of the selector of this kind and value, which is new or was there. */
uint32_t plan_add_selector(struct plan *plan, enum selector_kind kind, struct slice value);

/* The key, claimed by `selector`. The pointer is good until the next key is added. */
struct plan_key *plan_add_key(struct plan *plan, struct slice key, uint32_t selector);
/*
 * As plan_add_key(), for one that entities, rules or stored sets gave: NULL, and counted once,
 * where it may not be touched.
 */
struct plan_key *plan_add_derived_key(struct plan *plan, struct slice key, uint32_t selector);
/* A key that is only followed: it stays, its dependents do not. */
struct plan_key *plan_add_followed_key(struct plan *plan, struct slice key);

/* The same pattern for the same selector is added once. */
void plan_add_pattern(struct plan *plan, struct slice glob, uint32_t selector);
/* The tag, claimed by `selector`. */
void plan_add_tag(struct plan *plan, struct slice tag, uint32_t selector);

#endif
