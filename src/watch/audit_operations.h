/* SPDX-License-Identifier: MIT */
/*
 * The audit log of operations: how each has ended, and, before they begin, those that the daemon
 * starts by itself and those that match every key.
 */
#ifndef CW_WATCH_AUDIT_OPERATIONS_H
#define CW_WATCH_AUDIT_OPERATIONS_H

#include "operation/operation.h"
#include "watch/audit.h"

struct audit_operations;

/* Everything is borrowed; becomes the guard of the operations. */
struct audit_operations *audit_operations_new(
	struct cache *cache, struct operations *operations, struct audit *audit);
void audit_operations_free(struct audit_operations *audited); /* may be NULL */

#endif
