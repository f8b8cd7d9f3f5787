/* SPDX-License-Identifier: MIT */
/*
 * JSON: the scanner, its views and decoders, and merging. What the scanner passes cJSON reads; a
 * prefix gives the same verdict as the whole; a merged text is JSON again.
 */
#include <stdlib.h>

#include "base/utf8.h"
#include "fuzz.h"
#include "text/json.h"
#include "text/json_merge.h"

static void walk(struct json_value value)
{
	struct json_iter it;
	struct buf out = {0};

	switch (value.type) {
	case JSON_OBJECT:
	case JSON_ARRAY:
		for (it = json_iterate(value); json_next(&it);)
			walk(it.value);
		break;
	case JSON_STRING:
		json_decode_string(value, &out);
		FUZZ_CHECK(utf8_valid(buf_slice(&out)));
		buf_clear(&out);
		/* fall through */
	default:
		json_scalar(value, &out);
		break;
	}
	buf_release(&out);
}

static void check_prefix(struct slice text, const struct json_limits *limits, bool whole)
{
	size_t n = 0;
	enum error error = json_check_prefix(text, limits, false, &n, NULL);

	FUZZ_CHECK(n <= text.n);
	if (whole)
		FUZZ_CHECK(!error && n > 0);
	if (!error && n > 0)
		FUZZ_CHECK(json_check(slice_of(text.p, n), limits, NULL) == OK);
	error = json_check_prefix(text, limits, true, &n, NULL);
	FUZZ_CHECK(!whole || !error);
}

static void check_path(struct json_value root, struct slice path)
{
	struct json_value found;

	if (json_path(root, path, &found))
		FUZZ_CHECK(found.text.p >= root.text.p &&
			   found.text.p + found.text.n <= root.text.p + root.text.n);
}

static void check_merge(struct slice target, struct slice patch)
{
	const struct json_limits *limits = &json_control_limits;
	struct buf out = {0};

	if (json_check(target, limits, NULL) == OK) {
		enum error error = json_merge(target, patch, limits, &out, NULL);

		if (error)
			FUZZ_CHECK(out.n == 0);
		else
			FUZZ_CHECK(json_check(buf_slice(&out), limits, NULL) == OK);
	}
	buf_release(&out);
}

void fuzz_one(struct slice input)
{
	struct slice rest = input, path = fuzz_until(&rest, '\n');
	struct slice second = rest, first = fuzz_until(&second, '\0');
	struct fault fault;
	bool row = json_check(rest, &json_row_limits, &fault) == OK;
	cJSON *object = NULL;

	check_prefix(rest, &json_row_limits, row);
	if (row) {
		walk(json_root(rest));
		check_path(json_root(rest), path);
	}
	if (json_parse_object(rest, &object, &fault) == OK) {
		struct buf out = {0};

		json_print(object, &out);
		buf_release(&out);
	}
	cJSON_Delete(object);
	check_merge(first, second);
}
