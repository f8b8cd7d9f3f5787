/* SPDX-License-Identifier: MIT */
/* JSON Merge Patch (RFC 7396) on text: what is not patched keeps its spelling. */
#ifndef CW_TEXT_JSON_MERGE_H
#define CW_TEXT_JSON_MERGE_H

#include "text/json.h"

/*
 * Appends `target` with `patch` merged into it. Members keep their order; new ones follow in the
 * patch's order. `target` must have been checked; `patch` and the result are checked here:
 * ERR_BAD_JSON if one breaks `limits`, and `out` is as it was. O(n log n) in the texts.
 */
enum error json_merge(struct slice target, struct slice patch, const struct json_limits *limits,
	struct buf *out, struct fault *fault);

#endif
