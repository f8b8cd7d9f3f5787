/* SPDX-License-Identifier: MIT */
/* Reading JSON bodies; see body.h. */
#include "api/body.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/utf8.h"
#include "text/json_pointer.h"

enum { string_max = 4096 };

void body_point(char ret[BODY_POINTER_BYTES], const char *at, struct slice name)
{
	struct buf pointer = {0};

	buf_str(&pointer, at);
	json_pointer_add(&pointer, utf8_trim(slice_of(name.p, name.n > 64 ? 64 : name.n)));
	snprintf(ret, BODY_POINTER_BYTES, "%s", pointer.p);
	buf_release(&pointer);
}

struct slice body_text(struct json_value string, struct arena *arena)
{
	struct buf text = {0};

	json_decode_string(string, &text);
	return arena_take(arena, &text);
}

struct slice body_name(const struct json_iter *it, struct arena *arena)
{
	/* With its quotes, which stand around it. */
	struct slice quoted = slice_of(it->name.p - 1, it->name.n + 2);

	return body_text((struct json_value){JSON_STRING, quoted}, arena);
}

static enum error wrong(struct fault *fault, const char *pointer, const char *what)
{
	return fault_at(fault, ERR_BAD_BODY, pointer, "%s %s", pointer, what);
}

static enum error read_string(struct json_value value, const char *pointer, int64_t max,
	struct arena *arena, struct slice *ret, struct fault *fault)
{
	if (value.type != JSON_STRING)
		return wrong(fault, pointer, "must be a string");
	struct slice text = body_text(value, arena);

	if (text.n == 0)
		return wrong(fault, pointer, "must not be empty");
	if (text.n > (size_t)max)
		return fault_at(fault, ERR_BAD_BODY, pointer, "%s is longer than %lld bytes",
			pointer, (long long)max);
	*ret = text;
	return OK;
}

/* Of any number of digits: it is kept as text. */
static bool is_integer(struct json_value value)
{
	if (value.type != JSON_NUMBER)
		return false;
	for (size_t i = 0; i < value.text.n; i++)
		if (value.text.p[i] != '-' && (value.text.p[i] < '0' || value.text.p[i] > '9'))
			return false;
	return true;
}

enum error body_id(struct json_value value, const char *pointer, struct arena *arena,
	struct slice *ret, struct fault *fault)
{
	if (is_integer(value)) {
		*ret = arena_slice(arena, value.text);
		return OK;
	}
	if (value.type != JSON_STRING)
		return wrong(fault, pointer, "must be a string or an integer");
	return read_string(value, pointer, string_max, arena, ret, fault);
}

/* An array of 1 to `max` elements; *ret_count is how many it has. */
static enum error check_list(struct json_value value, const char *pointer, int64_t max,
	size_t *ret_count, struct fault *fault)
{
	*ret_count = 0;
	if (value.type != JSON_ARRAY)
		return wrong(fault, pointer, "must be a list");
	for (struct json_iter it = json_iterate(value); json_next(&it); ++*ret_count)
		if (*ret_count == (size_t)max)
			return fault_at(fault, ERR_BAD_BODY, pointer,
				"%s has more than %lld elements: name fewer at once", pointer,
				(long long)max);
	return *ret_count ? OK : wrong(fault, pointer, "must not be empty");
}

static enum error read_list(const struct body_member *m, struct json_value value,
	const char *pointer, struct arena *arena, struct fault *fault)
{
	struct body_list *ret = m->target;
	char at[BODY_POINTER_BYTES + 24];
	size_t count;
	enum error error = check_list(value, pointer, m->max, &count, fault);

	if (error)
		return error;
	ret->items = arena_alloc(arena, count * sizeof *ret->items);
	for (struct json_iter it = json_iterate(value); json_next(&it); ret->count++) {
		struct slice *item = &ret->items[ret->count];

		snprintf(at, sizeof at, "%s/%zu", pointer, ret->count);
		error = m->kind == BODY_IDS
				? body_id(it.value, at, arena, item, fault)
				: read_string(it.value, at, string_max, arena, item, fault);
		if (error)
			return error;
	}
	return OK;
}

enum error body_ids(struct json_value value, const char *pointer, int64_t max, struct arena *arena,
	struct body_list *ret, struct fault *fault)
{
	const struct body_member m = {.kind = BODY_IDS, .target = ret, .max = max};

	return read_list(&m, value, pointer, arena, fault);
}

static enum error read_bool(const struct body_member *m, struct json_value value,
	const char *pointer, struct fault *fault)
{
	if (value.type != JSON_TRUE && value.type != JSON_FALSE)
		return wrong(fault, pointer, "must be true or false");
	*(bool *)m->target = value.type == JSON_TRUE;
	return OK;
}

static enum error read_int(const struct body_member *m, struct json_value value,
	const char *pointer, struct fault *fault)
{
	int64_t number;

	if (value.type != JSON_NUMBER || !slice_int64(value.text, &number) || number < m->min ||
		number > m->max)
		return fault_at(fault, ERR_BAD_BODY, pointer,
			"%s must be an integer from %lld to %lld", pointer, (long long)m->min,
			(long long)m->max);
	*(int64_t *)m->target = number;
	return OK;
}

static enum error read_number(const struct body_member *m, struct json_value value,
	const char *pointer, struct arena *arena, struct fault *fault)
{
	const char *text = arena_dup(arena, value.text);
	double number = value.type == JSON_NUMBER ? strtod(text, NULL) : (double)m->min - 1;

	if (!(number >= (double)m->min && number <= (double)m->max))
		return fault_at(fault, ERR_BAD_BODY, pointer,
			"%s must be a number from %lld to %lld", pointer, (long long)m->min,
			(long long)m->max);
	*(double *)m->target = number;
	return OK;
}

static bool is_empty(struct json_value value)
{
	struct json_iter it;

	if (value.type == JSON_STRING)
		return value.text.n == sizeof "\"\"" - 1;
	if (value.type != JSON_ARRAY)
		return false;
	it = json_iterate(value);
	return !json_next(&it);
}

static enum error read_texts(const struct body_member *m, struct json_value value,
	const char *pointer, struct arena *arena, struct fault *fault)
{
	bool list = m->kind == BODY_LIST;

	if (m->min == 0 && value.type == (list ? JSON_ARRAY : JSON_STRING) && is_empty(value))
		return OK;
	return list ? read_list(m, value, pointer, arena, fault)
		    : read_string(value, pointer, m->max, arena, m->target, fault);
}

static enum error read_member(const struct body_table *table, const struct body_member *m,
	struct json_value value, struct arena *arena, struct fault *fault)
{
	char pointer[BODY_POINTER_BYTES];

	body_point(pointer, table->at ? table->at : "", slice_str(m->name));
	switch (m->kind) {
	case BODY_BOOL:
		return read_bool(m, value, pointer, fault);
	case BODY_INT:
		return read_int(m, value, pointer, fault);
	case BODY_NUMBER:
		return read_number(m, value, pointer, arena, fault);
	case BODY_STRING:
	case BODY_LIST:
		return read_texts(m, value, pointer, arena, fault);
	case BODY_ID:
		return body_id(value, pointer, arena, m->target, fault);
	case BODY_IDS:
		return read_list(m, value, pointer, arena, fault);
	case BODY_OBJECT:
		if (value.type != JSON_OBJECT)
			return wrong(fault, pointer, "must be an object");
		*(struct json_value *)m->target = value;
		return OK;
	case BODY_ARRAY:
		if (value.type != JSON_ARRAY)
			return wrong(fault, pointer, "must be a list");
		*(struct json_value *)m->target = value;
		return OK;
	case BODY_LATER:
		return fault_at(fault, ERR_NOT_SUPPORTED, pointer,
			"%s is not supported by this version; leave it out", pointer);
	}
	return OK;
}

static const struct body_member *find(const struct body_table *table, struct slice name)
{
	for (size_t i = 0; i < table->count; i++)
		if (slice_is(name, table->members[i].name))
			return &table->members[i];
	return NULL;
}

static enum error unknown(const struct body_table *table, struct slice name, struct fault *fault)
{
	char pointer[BODY_POINTER_BYTES];
	struct buf known = {0};

	for (size_t i = 0; i < table->count; i++)
		if (table->members[i].kind != BODY_LATER)
			buf_printf(&known, "%s%s", known.n ? ", " : "", table->members[i].name);
	body_point(pointer, table->at ? table->at : "", name);
	fault_at(fault, ERR_BAD_BODY, pointer, "%s is not a member of this body; it takes: %s",
		pointer, known.n ? known.p : "none");
	buf_release(&known);
	return ERR_BAD_BODY;
}

static enum error read_one(const struct body_table *table, struct json_iter *it,
	struct arena *arena, struct fault *fault)
{
	struct slice name = body_name(it, arena);
	const struct body_member *m = find(table, name);
	enum error error = ERR_NOT_FOUND;

	if (m)
		return it->value.type == JSON_NULL ? OK
						   : read_member(table, m, it->value, arena, fault);
	if (table->other)
		error = table->other(table->context, name, it->value, arena, fault);
	return error == ERR_NOT_FOUND ? unknown(table, name, fault) : error;
}

enum error body_read(struct json_value object, const struct body_table *table, struct arena *arena,
	struct fault *fault)
{
	enum error error = OK;

	if (object.type != JSON_OBJECT)
		return table->at ? wrong(fault, table->at, "must be an object")
				 : fault_set(fault, ERR_BAD_BODY, "the body must be a JSON object");
	for (struct json_iter it = json_iterate(object); !error && json_next(&it);)
		error = read_one(table, &it, arena, fault);
	return error;
}

enum error body_parse(struct request *request, const struct body_table *table, struct fault *fault)
{
	struct slice text = request_body(request);

	if (text.n == 0)
		return OK;
	enum error error = json_check(text, &json_control_limits, fault);

	if (error)
		return error;
	return body_read(json_root(text), table, request_arena(request), fault);
}

enum error body_note_only(struct request *request, struct slice *ret, struct fault *fault)
{
	const struct body_member members[] = {{"note", BODY_STRING, ret, 0, BODY_NOTE_BYTES}};

	return body_parse(request, &(struct body_table){.members = members, .count = 1}, fault);
}
