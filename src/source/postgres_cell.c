/* SPDX-License-Identifier: MIT */
/* Values of PostgreSQL's types; see postgres_cell.h. */
#include "source/postgres_cell.h"

#include <string.h>

#include "base/base64.h"
#include "base/hex.h"
#include "base/mem.h"
#include "base/utf8.h"

/* The Oid of each built-in type is fixed: src/include/catalog/pg_type.dat of PostgreSQL. */
static const struct {
	Oid type;
	enum postgres_kind kind;
} kinds[] = {
	{16, POSTGRES_BOOL}, {17, POSTGRES_BYTES}, {20, POSTGRES_NUMBER}, /* int8 */
	{21, POSTGRES_NUMBER},						  /* int2 */
	{23, POSTGRES_NUMBER},						  /* int4 */
	{26, POSTGRES_NUMBER},						  /* oid */
	{114, POSTGRES_JSON}, {700, POSTGRES_NUMBER},			  /* float4 */
	{701, POSTGRES_NUMBER},						  /* float8 */
	{1114, POSTGRES_TIME},						  /* timestamp */
	{1184, POSTGRES_TIME},						  /* timestamptz */
	{1700, POSTGRES_NUMBER}, {3802, POSTGRES_JSON},			  /* jsonb */
};

enum { time_room = 8 /* for ":00", and a NUL */ };

enum postgres_kind postgres_cell_kind(Oid type)
{
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (kinds[i].type == type)
			return kinds[i].kind;
	return POSTGRES_TEXT;
}

size_t postgres_cell_room(enum postgres_kind kind, size_t n)
{
	switch (kind) {
	case POSTGRES_TIME:
		return n + time_room;
	case POSTGRES_BYTES: /* 4 for each 3 bytes, which are 6 digits */
		return n;
	case POSTGRES_TEXT:
	case POSTGRES_NUMBER:
	case POSTGRES_BOOL:
	case POSTGRES_JSON:
		break;
	}
	return 0;
}

static size_t count_digits(struct slice text)
{
	size_t n = 0;

	while (n < text.n && text.p[n] >= '0' && text.p[n] <= '9')
		n++;
	return n;
}

/* As RFC 8259 has them, which NaN and Infinity are not. */
static bool is_json_number(struct slice text)
{
	size_t n;

	if (text.n && text.p[0] == '-')
		text = slice_skip(text, 1);
	n = count_digits(text);
	if (!n || (n > 1 && text.p[0] == '0'))
		return false;
	text = slice_skip(text, n);
	if (text.n && text.p[0] == '.') {
		n = count_digits(slice_skip(text, 1));
		if (!n)
			return false;
		text = slice_skip(text, n + 1);
	}
	if (text.n && (text.p[0] == 'e' || text.p[0] == 'E')) {
		text = slice_skip(text, 1);
		if (text.n && (text.p[0] == '+' || text.p[0] == '-'))
			text = slice_skip(text, 1);
		n = count_digits(text);
		if (!n)
			return false;
		text = slice_skip(text, n);
	}
	return text.n == 0;
}

/* "2026-12-01 05:12:58.1+00" becomes "2026-12-01T05:12:58.1+00:00"; infinity stays. */
static struct slice make_time(struct slice text, struct buf *room)
{
	const char *space = memchr(text.p, ' ', text.n);
	size_t began = room->n;

	if (!space)
		return text;
	buf_add(room, text);
	room->p[began + (size_t)(space - text.p)] = 'T';
	if (text.n > 3 && strchr("+-", text.p[text.n - 3]))
		buf_str(room, ":00");
	return slice_of(room->p + began, room->n - began);
}

/* From "\x" and hexadecimal digits. */
static const char *make_bytes(struct slice text, struct buf *room, struct slice *ret)
{
	size_t n = text.n / 2, began = room->n;

	if (!slice_starts(text, SLICE("\\x")))
		return "is bytea, but not in the hex format: unset bytea_output";
	text = slice_skip(text, 2);
	n = text.n / 2;
	char *bytes = mem_alloc(n + 1);
	bool valid = hex_decode(text, bytes, n);

	if (valid)
		base64_encode(slice_of(bytes, n), false, room);
	mem_free(bytes);
	*ret = slice_of(room->p + began, room->n - began);
	return valid ? NULL : "is bytea, but not hexadecimal";
}

const char *postgres_cell_make(enum postgres_kind kind, struct slice text, struct buf *room,
	struct slice *ret, enum source_cell *ret_type)
{
	*ret = text;
	*ret_type = CELL_TEXT;
	switch (kind) {
	case POSTGRES_NUMBER:
		*ret_type = is_json_number(text) ? CELL_JSON : CELL_TEXT;
		break;
	case POSTGRES_BOOL:
		*ret = slice_is(text, "t") ? slice_str("true") : slice_str("false");
		*ret_type = CELL_JSON;
		return NULL;
	case POSTGRES_JSON:
		*ret_type = CELL_JSON;
		if (json_check(text, &json_row_limits, NULL))
			return "is not JSON that can be stored: it is nested too deeply, has a "
			       "name twice or half a surrogate pair";
		*ret = json_root(text).text;
		return NULL;
	case POSTGRES_TIME:
		*ret = make_time(text, room);
		break;
	case POSTGRES_BYTES:
		return make_bytes(text, room, ret);
	case POSTGRES_TEXT:
		break;
	}
	return utf8_valid(*ret) ? NULL : "is not UTF-8: give the database an encoding";
}
