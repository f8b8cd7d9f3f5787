/* SPDX-License-Identifier: MIT */
/* What a request is about, from its path and body, for the audit log. */
#ifndef CW_API_AUDIT_SUBJECT_H
#define CW_API_AUDIT_SUBJECT_H

#include "http/request.h"

/*
 * Appends a JSON string such as "pattern user:*, key a:1 and 40 more", or null. `body` is the
 * request's if it was checked and may be shown, else {"", 0}.
 */
void audit_subject(const struct request *request, struct slice body, struct buf *out);

#endif
