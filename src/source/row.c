/* SPDX-License-Identifier: MIT */
/* Reading values out of a row; see source.h. */
#include "source/source.h"

#include <string.h>

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

static bool has_column(const struct source_row *row, struct slice name)
{
	for (size_t i = 0; i < row->count; i++)
		if (slice_equal(row->names[i], name))
			return true;
	return false;
}

/* Another likely delimiter of a header that has one column; NULL = none. */
static const char *other_delimiter(const struct source_row *row)
{
	static const char *const others[] = {";", "\t", "|", ","};

	for (size_t i = 0; row->count == 1 && i < sizeof others / sizeof *others; i++)
		if (memchr(row->names[0].p, others[i][0], row->names[0].n))
			return others[i][0] == '\t' ? "\\t" : others[i];
	return NULL;
}

bool source_row_lacks(const struct source_row *row, struct slice name, struct fault *fault)
{
	struct buf names = {0};

	if (row->kind != ROW_CSV || has_column(row, name))
		return false;
	for (size_t i = 0; i < row->count && names.n < 300; i++) {
		buf_str(&names, i ? ", " : "");
		buf_add(&names, row->names[i]);
	}
	const char *other = other_delimiter(row);
	fault_set(fault, ERR_SOURCE_ROW, "no column \"%.*s\"; the header has: %.300s%s%s%s",
		(int)(name.n < 100 ? name.n : 100), name.p, names.p,
		other ? "; to split it, set delimiter: \"" : "", other ? other : "",
		other ? "\"" : "");
	buf_release(&names);
	return true;
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
