/* SPDX-License-Identifier: MIT */
/* Reading values out of a row; see source.h. */
#include "source/source.h"

static bool cell_get(const struct source_row *row, struct slice name, struct buf *out)
{
	for (size_t i = 0; i < row->count; i++) {
		if (slice_equal(row->names[i], name)) {
			buf_add(out, row->cells[i]);
			return true;
		}
	}
	return false;
}

bool source_row_get(const struct source_row *row, struct slice path, struct buf *out)
{
	struct json_value value;

	if (row->kind == ROW_CSV)
		return cell_get(row, path, out);
	if (!json_path(row->json, path, &value) || value.type == JSON_NULL)
		return false;
	if (value.type == JSON_ARRAY || value.type == JSON_OBJECT)
		buf_add(out, value.text);
	else
		json_scalar(value, out);
	return true;
}

void source_row_json(const struct source_row *row, struct buf *out)
{
	if (row->kind == ROW_JSON) {
		buf_add(out, row->json.text);
		return;
	}
	for (size_t i = 0; i < row->count; i++) {
		buf_char(out, i ? ',' : '{');
		json_quote(out, row->names[i]);
		buf_char(out, ':');
		json_quote(out, row->cells[i]);
	}
	buf_char(out, '}');
}
