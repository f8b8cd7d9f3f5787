/* SPDX-License-Identifier: MIT */
/* Collecting a head; see head.h. */
#include "http/head.h"

#include <string.h>

#include "text/field.h"

void head_begin(struct head *head, struct slice method)
{
	static const struct slice absent;

	head->method = method;
	head->field_count = head->field_bytes = head->cookie_bytes = 0;
	head->too_many = head->torn = head->is_http_1_0 = false;
	head->host = head->authorization = head->content_type = absent;
	head->content_length = head->cookie = head->expect = absent;
	head->transfer_encoding = head->origin = head->fetch_site = absent;
	head->request_id = head->session_id = head->traceparent = absent;
	head->length = 0;
}

void head_add(struct head *head, struct slice name, struct slice value)
{
	/* As sent: colon, space and the line's end. */
	head->field_bytes += name.n + value.n + 4;
	if (field_equal(name, SLICE("cookie")))
		head->cookie_bytes += value.n;
	if (head->field_count == HEAD_MAX_FIELDS) {
		head->too_many = true;
		return;
	}
	head->fields[head->field_count++] = (struct head_field){name, value};
}

/* Moves *at behind a line's end, whose CR and LF are overwritten; false if it is none. */
static bool skip_line_end(const char **at, const char *end)
{
	if (end - *at < 2 || (*at)[0] || (*at)[1])
		return false;
	*at += 2;
	return true;
}

bool head_is_whole(const struct head *head, const struct head_bytes *bytes)
{
	const char *end = bytes->begin + bytes->n;
	const char *at = bytes->begin + head->method.n + 1 + bytes->target_n + 1;

	if (bytes->version != at)
		return false;
	at += strlen(at);
	if (!skip_line_end(&at, end))
		return false;
	for (size_t i = 0; i < head->field_count; i++) {
		const struct head_field *field = &head->fields[i];

		if (field->name.p != at)
			return false;
		at += field->name.n + 1;
		while (at < field->value.p && (*at == ' ' || *at == '\t'))
			at++;
		if (field->value.p != at)
			return false;
		at += field->value.n;
		if (!skip_line_end(&at, end))
			return false;
	}
	return skip_line_end(&at, end) && at == end;
}

static void keep(struct slice *slice, struct buf *text)
{
	const char *at = slice_end(slice_of(text->p, text->n));

	buf_add(text, *slice);
	slice->p = at;
}

void head_keep(struct head *head, struct buf *text)
{
	buf_clear(text);
	/* Room for all, so that the buffer does not move. */
	buf_reserve(text, head->method.n + head->field_bytes);
	keep(&head->method, text);
	for (size_t i = 0; i < head->field_count; i++) {
		keep(&head->fields[i].name, text);
		keep(&head->fields[i].value, text);
	}
}

bool head_find_from(const struct head *head, struct slice name, size_t *at, struct slice *ret)
{
	while (*at < head->field_count) {
		const struct head_field *field = &head->fields[(*at)++];

		if (field_equal(field->name, name)) {
			*ret = field->value;
			return true;
		}
	}
	return false;
}

bool head_find(const struct head *head, struct slice name, struct slice *ret)
{
	size_t at = 0;

	return head_find_from(head, name, &at, ret);
}
