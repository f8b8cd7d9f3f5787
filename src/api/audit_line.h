/* SPDX-License-Identifier: MIT */
/* Lines of the audit log about requests. */
#ifndef CW_API_AUDIT_LINE_H
#define CW_API_AUDIT_LINE_H

#include "http/request.h"

enum { AUDIT_BODY_BYTES = 16 * 1024 };

/*
 * Appends {"time", "name", "state", "by", "address", "method", "route", "names", "query",
 * "request_id", "trace_id", "note", "target"} of a request, and "dry_run" if it is true, without
 * the closing brace. `names` has what fills the route's path; a name that is not UTF-8 is
 * {"base64url": ...}; `target` is what audit_subject() says.
 */
void audit_line_begin(
	const struct request *request, const char *daemon, const char *state, struct buf *out);
/*
 * The body of a request under /api/v1/admin, which has no values and no secrets, on one line; false
 * for other routes, if it is not JSON, or longer than AUDIT_BODY_BYTES.
 */
bool audit_line_body(const struct request *request, struct buf *out);
/* Whether the body is a JSON object whose member `name` is true. */
bool audit_line_is_true(const struct request *request, const char *name);

#endif
