/* SPDX-License-Identifier: MIT */
/* Reading JSON bodies; see body.h. */
#include "api/body.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
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

void body_name(const struct json_iter *it, struct buf *ret)
{
	struct buf quoted = {0};

	buf_printf(&quoted, "\"%.*s\"", (int)it->name.n, it->name.p);
	json_decode_string((struct json_value){JSON_STRING, buf_slice(&quoted)}, ret);
	buf_release(&quoted);
}

static enum error wrong(struct fault *fault, const char *pointer, const char *what)
{
	return fault_at(fault, ERR_BAD_BODY, pointer, "%s %s", pointer, what);
}

enum error body_string(struct json_value value, const char *pointer, int64_t max, struct slice *ret,
	struct fault *fault)
{
	struct buf text = {0};

	if (value.type != JSON_STRING)
		return wrong(fault, pointer, "must be a string");
	json_decode_string(value, &text);
	if (text.n == 0 || text.n > (size_t)max) {
		bool empty = text.n == 0;

		buf_release(&text);
		return empty ? wrong(fault, pointer, "must not be empty")
			     : fault_at(fault, ERR_BAD_BODY, pointer,
				       "%s is longer than %lld bytes", pointer, (long long)max);
	}
	ret->p = buf_steal(&text, &ret->n);
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

enum error body_id(
	struct json_value value, const char *pointer, struct slice *ret, struct fault *fault)
{
	if (is_integer(value)) {
		*ret = slice_of(slice_dup(value.text), value.text.n);
		return OK;
	}
	if (value.type != JSON_STRING)
		return wrong(fault, pointer, "must be a string or an integer");
	return body_string(value, pointer, string_max, ret, fault);
}

enum error body_strings(struct json_value value, const char *pointer, bool integers, int64_t max,
	struct body_list *ret, struct fault *fault)
{
	char at[BODY_POINTER_BYTES + 24];
	enum error error = OK;

	if (value.type != JSON_ARRAY)
		return wrong(fault, pointer, "must be a list");
	for (struct json_iter it = json_iterate(value); !error && json_next(&it);) {
		if (ret->count == (size_t)max)
			return fault_at(fault, ERR_BAD_BODY, pointer,
				"%s has more than %lld elements; send several requests", pointer,
				(long long)max);
		snprintf(at, sizeof at, "%s/%zu", pointer, ret->count);
		ret->items = mem_realloc(ret->items, (ret->count + 1) * sizeof *ret->items);
		error = integers ? body_id(it.value, at, &ret->items[ret->count], fault)
				 : body_string(it.value, at, string_max, &ret->items[ret->count],
					   fault);
		if (!error)
			ret->count++;
	}
	if (!error && ret->count == 0)
		return wrong(fault, pointer, "must not be empty");
	return error;
}

void body_list_release(struct body_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		mem_free((char *)list->items[i].p);
	mem_free(list->items);
	*list = (struct body_list){0};
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
	const char *pointer, struct fault *fault)
{
	char *text = slice_dup(value.text);
	double number = value.type == JSON_NUMBER ? strtod(text, NULL) : (double)m->min - 1;

	mem_free(text);
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
	const char *pointer, struct fault *fault)
{
	bool list = m->kind == BODY_LIST;

	if (m->min == 0 && value.type == (list ? JSON_ARRAY : JSON_STRING) && is_empty(value))
		return OK;
	return list ? body_strings(value, pointer, false, m->max, m->target, fault)
		    : body_string(value, pointer, m->max, m->target, fault);
}

static enum error read_member(const struct body_table *table, const struct body_member *m,
	struct json_value value, struct fault *fault)
{
	char pointer[BODY_POINTER_BYTES];

	body_point(pointer, table->at ? table->at : "", slice_str(m->name));
	switch (m->kind) {
	case BODY_BOOL:
		return read_bool(m, value, pointer, fault);
	case BODY_INT:
		return read_int(m, value, pointer, fault);
	case BODY_NUMBER:
		return read_number(m, value, pointer, fault);
	case BODY_STRING:
	case BODY_LIST:
		return read_texts(m, value, pointer, fault);
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

static enum error read_one(
	const struct body_table *table, struct json_iter *it, struct fault *fault)
{
	struct buf name = {0};
	enum error error = OK;

	body_name(it, &name);
	const struct body_member *m = find(table, buf_slice(&name));
	if (m && it->value.type != JSON_NULL) {
		error = read_member(table, m, it->value, fault);
	} else if (!m) {
		error = table->other
				? table->other(table->context, buf_slice(&name), it->value, fault)
				: ERR_NOT_FOUND;
		if (error == ERR_NOT_FOUND)
			error = unknown(table, buf_slice(&name), fault);
	}
	buf_release(&name);
	return error;
}

enum error body_read(struct json_value object, const struct body_table *table, struct fault *fault)
{
	enum error error = OK;

	if (object.type != JSON_OBJECT)
		return table->at ? wrong(fault, table->at, "must be an object")
				 : fault_set(fault, ERR_BAD_BODY, "the body must be a JSON object");
	for (struct json_iter it = json_iterate(object); !error && json_next(&it);)
		error = read_one(table, &it, fault);
	return error;
}

enum error body_parse(struct slice text, const struct body_table *table, struct fault *fault)
{
	if (text.n == 0)
		return OK;
	enum error error = json_check(text, &json_control_limits, fault);

	if (error)
		return error;
	return body_read(json_root(text), table, fault);
}

enum error body_note_only(struct slice text, struct slice *ret, struct fault *fault)
{
	const struct body_member members[] = {{"note", BODY_STRING, ret, 0, BODY_NOTE_BYTES}};

	*ret = slice_of(NULL, 0);
	return body_parse(text, &(struct body_table){.members = members, .count = 1}, fault);
}
