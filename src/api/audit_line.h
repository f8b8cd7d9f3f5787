/* SPDX-License-Identifier: MIT */
/* Lines of the audit log about requests. */
#ifndef CW_API_AUDIT_LINE_H
#define CW_API_AUDIT_LINE_H

#include "base/arena.h"
#include "http/request.h"

enum { AUDIT_BODY_BYTES = 16 * 1024 };

/* What the lines about one request say of its body. Zeroed = nothing. */
struct audit_about {
	bool is_json;	     /* and may be shown */
	bool dry_run;	     /* it has the member dry_run, which is true */
	struct slice note;   /* empty = none */
	struct slice target; /* JSON: what audit_subject() says */
	struct arena texts;
};

/*
 * Reads the body: once for all lines, because it may be large. If `parks` is false it does not
 * park. Then audit_line_release() must follow. Parks now and then.
 */
void audit_line_read(const struct request *request, bool parks, struct audit_about *ret);
void audit_line_release(struct audit_about *about);

/*
 * Appends {"time", "name", "state", "by", "address", "method", "route", "names", "query",
 * "request_id", "trace_id", "note", "target"} of a request, and "dry_run" if it is true, without
 * the closing brace. `names` has what fills the route's path; a name that is not UTF-8 is
 * {"base64url": ...}; `about` is what was read of its body.
 */
void audit_line_begin(const struct request *request, const struct audit_about *about,
	const char *daemon, const char *state, struct buf *out);
/*
 * The body of a request under /api/v1/admin, which has no values and no secrets, on one line; false
 * for other routes, if it is not JSON, or longer than AUDIT_BODY_BYTES.
 */
bool audit_line_body(
	const struct request *request, const struct audit_about *about, struct buf *out);

#endif
