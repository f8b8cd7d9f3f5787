/* SPDX-License-Identifier: MIT */
/* JSON Merge Patch (RFC 7396) on text: what is not patched stays as it was spelt. */
#ifndef CW_TEXT_JSON_MERGE_H
#define CW_TEXT_JSON_MERGE_H

#include "text/json.h"

/*
 * Appends `target` with `patch` merged into it. Members keep their order, new ones come behind in
 * the patch's. `target` has been checked; `patch` and the result are checked here: ERR_BAD_JSON
 * where one breaks `limits`, and `out` is as it was. Time grows with the texts as a sort does.
 */
enum error json_merge(struct slice target, struct slice patch, const struct json_limits *limits,
	struct buf *out, struct fault *fault);

#endif
