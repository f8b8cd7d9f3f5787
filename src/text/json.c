/* SPDX-License-Identifier: MIT */
/* Views into checked JSON; see json.h. */
#include "text/json.h"

#include <string.h>

#include "text/json_pointer.h"
#include "text/json_text.h"

static enum json_type type_of(char first)
{
	switch (first) {
	case '{':
		return JSON_OBJECT;
	case '[':
		return JSON_ARRAY;
	case '"':
		return JSON_STRING;
	case 't':
		return JSON_TRUE;
	case 'f':
		return JSON_FALSE;
	case 'n':
		return JSON_NULL;
	default:
		return JSON_NUMBER;
	}
}

/* Behind the checked array or object at `p`: only brackets outside strings count. */
static const char *skip_container(const char *p, const char *end)
{
	unsigned depth = 0;

	for (;; p++) {
		switch (*p) {
		case '"':
			p = json_skip_string(p + 1, end);
			break;
		case '{':
		case '[':
			depth++;
			break;
		case '}':
		case ']':
			if (--depth == 0)
				return p + 1;
			break;
		default:
			break;
		}
	}
}

static const char *skip_value(const char *p, const char *end)
{
	switch (*p) {
	case '"':
		return json_skip_string(p + 1, end) + 1;
	case '{':
	case '[':
		return skip_container(p, end);
	default:
		while (p < end && *p != ',' && *p != ']' && *p != '}' && (unsigned char)*p > ' ')
			p++;
		return p;
	}
}

struct json_value json_root(struct slice text)
{
	const char *end = slice_end(text), *p = json_skip_space(text.p, end);

	while (end[-1] == ' ' || end[-1] == '\n' || end[-1] == '\r' || end[-1] == '\t')
		end--;
	return (struct json_value){type_of(*p), slice_of(p, (size_t)(end - p))};
}

struct json_iter json_iterate(struct json_value container)
{
	struct json_iter iter = {.object = container.type == JSON_OBJECT};

	if (container.type == JSON_OBJECT || container.type == JSON_ARRAY)
		iter.rest = slice_skip(container.text, 1);
	return iter;
}

bool json_next(struct json_iter *iter)
{
	const char *p = iter->rest.p, *end = slice_end(iter->rest), *begin;

	if (iter->rest.n == 0)
		return false;
	p = json_skip_space(p, end);
	if (*p == ',')
		p = json_skip_space(p + 1, end);
	if (*p == ']' || *p == '}') {
		iter->rest.n = 0;
		return false;
	}
	if (iter->object) {
		begin = p + 1;
		p = json_skip_string(begin, end);
		iter->name = slice_of(begin, (size_t)(p - begin));
		p = json_skip_space(p + 1, end);
		p = json_skip_space(p + 1, end);
	}
	begin = p;
	p = skip_value(p, end);
	iter->value.type = type_of(*begin);
	iter->value.text = slice_of(begin, (size_t)(p - begin));
	iter->rest = slice_of(p, (size_t)(end - p));
	return true;
}

static bool name_is(struct slice raw, struct slice name)
{
	struct json_bytes bytes = {.p = raw.p, .end = slice_end(raw)};

	if (raw.n < name.n) /* an escape is never shorter than what it stands for */
		return false;
	if (raw.n == name.n && memcmp(raw.p, name.p, name.n) == 0)
		return !memchr(raw.p, '\\', raw.n);
	if (!memchr(raw.p, '\\', raw.n))
		return false;
	for (size_t i = 0; i < name.n; i++)
		if (json_bytes_next(&bytes) != (unsigned char)name.p[i])
			return false;
	return json_bytes_next(&bytes) < 0;
}

bool json_member(struct json_value object, struct slice name, struct json_value *ret)
{
	struct json_iter iter = json_iterate(object);

	if (object.type != JSON_OBJECT)
		return false;
	while (json_next(&iter)) {
		if (name_is(iter.name, name)) {
			*ret = iter.value;
			return true;
		}
	}
	return false;
}

static bool element(struct json_value array, struct slice index, struct json_value *ret)
{
	struct json_iter iter = json_iterate(array);
	uint64_t i;

	if (!slice_uint64(index, &i))
		return false;
	while (json_next(&iter)) {
		if (i-- == 0) {
			*ret = iter.value;
			return true;
		}
	}
	return false;
}

static bool child(struct json_value value, struct slice token, struct json_value *ret)
{
	return value.type == JSON_ARRAY ? element(value, token, ret)
					: json_member(value, token, ret);
}

bool json_path(struct json_value value, struct slice path, struct json_value *ret)
{
	struct buf room = {0};
	struct slice token;
	bool found = true;

	while (found && path.n) {
		buf_clear(&room);
		found = json_pointer_next(&path, &room, &token) && child(value, token, &value);
	}
	if (found)
		*ret = value;
	buf_release(&room);
	return found;
}

void json_scalar(struct json_value value, struct buf *out)
{
	if (value.type == JSON_STRING)
		json_decode_string(value, out);
	else
		buf_add(out, value.text);
}
