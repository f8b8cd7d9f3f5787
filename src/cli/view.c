/* SPDX-License-Identifier: MIT */
/* Members of the daemon's answers; see view.h. */
#include "cli/view.h"

#include <stdlib.h>

bool cli_view(struct json_value value, const char *path, struct json_value *ret)
{
	return json_path(value, slice_str(path), ret) && ret->type != JSON_NULL;
}

struct slice cli_view_text(struct cli *cli, struct json_value value, const char *path)
{
	struct json_value found;
	struct buf text = {0};

	if (!cli_view(value, path, &found))
		return slice_of(NULL, 0);
	json_scalar(found, &text);
	return arena_take(&cli->arena, &text);
}

bool cli_view_real(struct json_value value, const char *path, double *ret)
{
	struct json_value found;

	if (!cli_view(value, path, &found) || found.type != JSON_NUMBER)
		return false;
	/* The text of a number is followed by a byte that ends it. */
	*ret = strtod(found.text.p, NULL);
	return true;
}

double cli_view_number(struct json_value value, const char *path, double fallback)
{
	double found;

	return cli_view_real(value, path, &found) ? found : fallback;
}

bool cli_view_true(struct json_value value, const char *path)
{
	struct json_value found;

	return cli_view(value, path, &found) && found.type == JSON_TRUE;
}

bool cli_view_is(struct json_value value, const char *path, const char *text)
{
	struct json_value found;
	struct buf decoded = {0};
	bool same = false;

	if (cli_view(value, path, &found) && found.type == JSON_STRING) {
		json_decode_string(found, &decoded);
		same = slice_is(buf_slice(&decoded), text);
	}
	buf_release(&decoded);
	return same;
}

struct json_iter cli_view_each(struct json_value value, const char *path)
{
	struct json_value found;

	if (!cli_view(value, path, &found) ||
		(found.type != JSON_ARRAY && found.type != JSON_OBJECT))
		found = (struct json_value){JSON_ARRAY, SLICE("[]")};
	return json_iterate(found);
}

size_t cli_view_length(struct json_value value, const char *path)
{
	struct json_iter it = cli_view_each(value, path);
	size_t count = 0;

	while (json_next(&it))
		count++;
	return count;
}

const char *cli_view_join(struct cli *cli, struct json_value value, const char *path)
{
	struct json_iter it = cli_view_each(value, path);
	struct buf all = {0};

	while (json_next(&it)) {
		if (all.n)
			buf_str(&all, ", ");
		json_scalar(it.value, &all);
	}
	if (!all.n) {
		buf_release(&all);
		return NULL;
	}
	return arena_take(&cli->arena, &all).p;
}
