/* SPDX-License-Identifier: MIT */
/* Problem details; see problem.h. */
#include "http/problem.h"

#include <string.h>

#include "text/json.h"

static void add_member(struct buf *out, const char *name, const char *value)
{
	buf_char(out, ',');
	json_quote(out, slice_str(name));
	buf_char(out, ':');
	json_quote(out, slice_str(value));
}

/* Whether `errors` is written: an empty pointer (RFC 6901) is the whole body. */
static bool has_place(const struct fault *fault, const cJSON *extra)
{
	bool body = fault->error == ERR_BAD_JSON || fault->error == ERR_BAD_BODY;

	return fault->pointer[0] || (body && !cJSON_GetObjectItemCaseSensitive(extra, "errors"));
}

void problem_render(
	const struct fault *fault, const char *request_id, const cJSON *extra, struct buf *out)
{
	const cJSON *member;

	buf_str(out, "{\"type\":\"about:blank\"");
	add_member(out, "title", error_title(fault->error));
	buf_str(out, ",\"status\":");
	buf_int(out, error_status(fault->error));
	add_member(out, "detail", fault->detail);
	add_member(out, "code", error_code(fault->error));
	add_member(out, "request_id", request_id);
	if (has_place(fault, extra)) {
		buf_str(out, ",\"errors\":[{\"pointer\":");
		json_quote(out, slice_str(fault->pointer));
		add_member(out, "detail", fault->detail);
		buf_str(out, "}]");
	}
	cJSON_ArrayForEach(member, extra)
	{
		buf_char(out, ',');
		json_quote(out, slice_str(member->string));
		buf_char(out, ':');
		json_print(member, out);
	}
	buf_str(out, "}\n");
}
