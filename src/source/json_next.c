/* SPDX-License-Identifier: MIT */
/* The next page in a JSON document; see json_next.h. */
#include "source/json_next.h"

#include "text/json.h"
#include "text/json_pointer.h"

void json_next_release(struct json_next *next)
{
	buf_release(&next->pointer);
	buf_release(&next->kept);
}

bool json_next_is_in(
	const struct json_next *next, const struct slice *rows, unsigned level, struct slice name)
{
	struct slice left = buf_slice(&next->pointer), token;
	struct buf room = {0};
	bool same = left.n > 0;

	for (unsigned i = 0; i <= level && same; i++) {
		buf_clear(&room);
		same = left.n > 0;
		if (same)
			json_pointer_next(&left, &room, &token);
		same = same && slice_equal(token, i < level ? rows[i] : name);
	}
	buf_release(&room);
	return same;
}

bool json_next_keep(struct json_next *next, struct slice piece)
{
	if (next->kept.n + piece.n > JSON_NEXT_MAX_BYTES)
		return false;
	buf_add(&next->kept, piece);
	return true;
}

/* The pointer without its first `count` tokens. */
static struct slice behind(const struct json_next *next, unsigned count)
{
	struct slice left = buf_slice(&next->pointer), token;
	struct buf room = {0};

	for (unsigned i = 0; i < count; i++) {
		buf_clear(&room);
		json_pointer_next(&left, &room, &token);
	}
	buf_release(&room);
	return left;
}

enum error json_next_end(
	struct json_next *next, unsigned level, struct buf *ret, struct fault *fault)
{
	struct slice text = buf_slice(&next->kept);
	struct json_value value = {.type = JSON_NULL};
	enum error error = OK;

	buf_clear(ret);
	if (json_check(text, &json_row_limits, NULL))
		error = fault_set(fault, ERR_SOURCE_FAILED,
			"the JSON document has an invalid value at \"%.100s\"", next->pointer.p);
	else if (!json_path(json_root(text), behind(next, level + 1), &value))
		value.type = JSON_NULL;
	if (value.type == JSON_STRING || value.type == JSON_NUMBER)
		json_scalar(value, ret);
	else if (value.type != JSON_NULL && value.type != JSON_FALSE)
		error = fault_set(fault, ERR_SOURCE_FAILED,
			"the value at \"%.100s\", where the next page should be, is neither a text "
			"nor a number",
			next->pointer.p);
	buf_clear(&next->kept);
	next->keeping = false;
	return error;
}
