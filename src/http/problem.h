/* SPDX-License-Identifier: MIT */
/* Faults as RFC 9457 problem details. */
#ifndef CW_HTTP_PROBLEM_H
#define CW_HTTP_PROBLEM_H

#include <cjson/cJSON.h>

#include "base/buf.h"
#include "base/fault.h"

/* Appends the application/problem+json body; `extra` (may be NULL) is not taken over. */
void problem_render(
	const struct fault *fault, const char *request_id, const cJSON *extra, struct buf *out);

#endif
