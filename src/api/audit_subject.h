/* SPDX-License-Identifier: MIT */
/* What a request is about, from its path and body, for the audit log. */
#ifndef CW_API_AUDIT_SUBJECT_H
#define CW_API_AUDIT_SUBJECT_H

#include "api/audit_members.h"
#include "http/request.h"

/*
 * Appends a JSON string such as "pattern user:*, key a:1 and 40 more", or null. `members` are those
 * of the request's body if it may be shown, else none. `timeslice` as for audit_members_read().
 * Parks now and then.
 */
void audit_subject(const struct request *request, const struct audit_members *members,
	struct timeslice *timeslice, struct buf *out);

#endif
