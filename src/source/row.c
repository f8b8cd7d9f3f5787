/* SPDX-License-Identifier: MIT */
/* Reading values out of a row; see source.h. */
#include "source/source.h"

#include <string.h>

/* row->count where there is none. */
static size_t find(const struct source_row *row, struct slice name)
{
	size_t i = 0;

	while (i < row->count && !slice_equal(row->names[i], name))
		i++;
	return i;
}

/* The column that "column/a/b" begins with, as its name. */
static struct slice first_step(struct slice path)
{
	const char *slash = memchr(path.p, '/', path.n);

	return slice_of(path.p, slash ? (size_t)(slash - path.p) : path.n);
}

static bool has_column(const struct source_row *row, struct slice name)
{
	return find(row, name) < row->count ||
	       (row->kind == ROW_COLUMNS && find(row, first_step(name)) < row->count);
}

static bool value_get(struct json_value value, struct buf *out)
{
	if (value.type == JSON_NULL)
		return false;
	if (value.type == JSON_ARRAY || value.type == JSON_OBJECT)
		buf_add(out, value.text);
	else
		json_scalar(value, out);
	return true;
}

static bool column_get(const struct source_row *row, struct slice path, struct buf *out)
{
	size_t i = find(row, path);
	struct json_value value;
	struct slice rest = slice_of(path.p, 0);

	if (i == row->count) {
		struct slice step = first_step(path);

		i = step.n < path.n ? find(row, step) : row->count;
		if (i == row->count || row->types[i] != CELL_JSON)
			return false;
		rest = slice_skip(path, step.n);
	}
	if (row->types[i] == CELL_NULL)
		return false;
	if (row->types[i] == CELL_JSON)
		return json_path(json_root(row->cells[i]), rest, &value) && value_get(value, out);
	buf_add(out, row->cells[i]);
	return true;
}

static bool cell_get(const struct source_row *row, struct slice name, struct buf *out)
{
	size_t i = find(row, name);

	if (i == row->count)
		return false;
	buf_add(out, row->cells[i]);
	return true;
}

/* Another likely delimiter of a header that has one column; NULL = none. */
static const char *other_delimiter(const struct source_row *row)
{
	static const char *const others[] = {";", "\t", "|", ","};

	for (size_t i = 0;
		row->kind == ROW_CSV && row->count == 1 && i < sizeof others / sizeof *others; i++)
		if (memchr(row->names[0].p, others[i][0], row->names[0].n))
			return others[i][0] == '\t' ? "\\t" : others[i];
	return NULL;
}

bool source_row_lacks(const struct source_row *row, struct slice name, struct fault *fault)
{
	struct buf names = {0};

	if (row->kind == ROW_JSON || has_column(row, name))
		return false;
	for (size_t i = 0; i < row->count && names.n < 300; i++) {
		buf_str(&names, i ? ", " : "");
		buf_add(&names, row->names[i]);
	}
	const char *other = other_delimiter(row);
	fault_set(fault, ERR_SOURCE_ROW, "no column \"%.*s\"; the %s has: %.300s%s%s%s",
		(int)(name.n < 100 ? name.n : 100), name.p,
		row->kind == ROW_CSV ? "header" : "query", names.p,
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
	if (row->kind == ROW_COLUMNS)
		return column_get(row, path, out);
	return json_path(row->json, path, &value) && value_get(value, out);
}

static void add_cell(const struct source_row *row, size_t i, struct buf *out)
{
	enum source_cell type = row->kind == ROW_CSV ? CELL_TEXT : row->types[i];

	if (type == CELL_TEXT)
		json_quote(out, row->cells[i]);
	else
		buf_add(out, type == CELL_NULL ? slice_str("null") : row->cells[i]);
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
		add_cell(row, i, out);
	}
	buf_char(out, '}');
}
