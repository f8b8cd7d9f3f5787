/* SPDX-License-Identifier: MIT */
/*
 * Lines of the audit log, newest first, joined to changes: one record for what one request, or the
 * daemon by itself, has done.
 *
 *	outcome of a request  ---+
 *	ends of its operations --+-> kept by the request's id -> its intent -> record
 *
 * A change stands where its intent stands, which is the oldest of its lines. What a request has
 * begun belongs to it, and what that has begun (jobs that are run after an invalidation).
 */
#ifndef CW_WATCH_AUDIT_CHANGES_H
#define CW_WATCH_AUDIT_CHANGES_H

#include "base/buf.h"

/* Lines that wait for their intent; beyond it no more should be taken. */
enum { AUDIT_CHANGES_BYTES = 4 * 1024 * 1024 };

struct audit_changes;

struct audit_changes *audit_changes_new(void);
void audit_changes_free(struct audit_changes *changes); /* may be NULL */
/* Takes a checked line; appends the record of the change that it completes, or nothing. */
void audit_changes_take(struct audit_changes *changes, struct slice line, struct buf *out);
/*
 * At the beginning of the file: the record of a change whose intent is not there. False = there is
 * none any more.
 */
bool audit_changes_rest(struct audit_changes *changes, struct buf *out);
size_t audit_changes_bytes(const struct audit_changes *changes);

/*
 * Appends what a line is about: the kind of an operation; of a request the first word of its route,
 * such as "invalidate", "pause", "keys"; "login" of one whose token was refused.
 */
void audit_changes_kind(struct slice line, struct buf *out);

/* Whether a line, or a change, is of a dry run, as far as it says so. */
bool audit_changes_is_dry(struct slice line);

#endif
