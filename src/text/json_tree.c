/* SPDX-License-Identifier: MIT */
/* cJSON behind the scanner: control-plane bodies in, exact answers out; see json.h. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/timeslice.h"
#include "base/timestamp.h"
#include "base/utf8.h"
#include "text/json.h"

enum { rest_bytes = 256 }; /* of a string, in about a microsecond */

void json_use_mem(void)
{
	cJSON_InitHooks(&(cJSON_Hooks){.malloc_fn = mem_alloc, .free_fn = mem_free});
}

enum error json_parse_object(struct slice text, cJSON **ret, struct fault *fault)
{
	enum error error = json_check(text, &json_control_limits, fault);

	if (error)
		return error;
	if (json_root(text).type != JSON_OBJECT)
		return fault_set(fault, ERR_BAD_BODY,
			"the body must be a JSON object, such as {\"name\": \"value\"}");
	*ret = cJSON_ParseWithLength(text.p, text.n);
	/* cJSON accepts what the scanner accepts, but some versions limit a number to 63 bytes. */
	if (!*ret)
		return fault_set(fault, ERR_BAD_JSON,
			"a number in the body is longer than 63 characters; shorten it");
	return OK;
}

void json_add_int(cJSON *object, const char *name, int64_t value)
{
	char text[24];

	snprintf(text, sizeof text, "%lld", (long long)value);
	cJSON_AddRawToObject(object, name, text);
}

void json_add_uint(cJSON *object, const char *name, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof text, "%llu", (unsigned long long)value);
	cJSON_AddRawToObject(object, name, text);
}

void json_add_number(cJSON *object, const char *name, double value, int decimals)
{
	char text[352]; /* DBL_MAX has 309 digits before the point */
	size_t n;

	if (!isfinite(value)) {
		cJSON_AddNullToObject(object, name);
		return;
	}
	decimals = decimals < 0 ? 0 : decimals > 17 ? 17 : decimals;
	n = (size_t)snprintf(text, sizeof text, "%.*f", decimals, value);
	if (strchr(text, '.')) {
		while (text[n - 1] == '0')
			n--;
		if (text[n - 1] == '.')
			n--;
		text[n] = '\0';
	}
	cJSON_AddRawToObject(object, name, strcmp(text, "-0") == 0 ? "0" : text);
}

/* Raw where cJSON's own strings would cut the text or let wrong UTF-8 through. */
static cJSON *text_node(struct slice text)
{
	struct buf b = {0};
	cJSON *node;

	if ((text.n && memchr(text.p, '\0', text.n)) || !utf8_valid(text)) {
		json_quote(&b, text);
		node = cJSON_CreateRaw(b.p);
	} else {
		buf_add(&b, text);
		node = cJSON_CreateString(b.p);
	}
	buf_release(&b);
	return node;
}

void json_add_slice(cJSON *object, const char *name, struct slice text)
{
	cJSON_AddItemToObject(object, name, text_node(text));
}

void json_append_slice(cJSON *array, struct slice text)
{
	cJSON_AddItemToArray(array, text_node(text));
}

void json_add_text(cJSON *object, const char *name, const char *text)
{
	if (text && *text)
		json_add_slice(object, name, slice_str(text));
	else
		cJSON_AddNullToObject(object, name);
}

void json_add_known(cJSON *object, const char *name, double value, int decimals)
{
	if (value < 0)
		cJSON_AddNullToObject(object, name);
	else
		json_add_number(object, name, value, decimals);
}

void json_add_count(cJSON *object, const char *name, int64_t value)
{
	if (value < 0)
		cJSON_AddNullToObject(object, name);
	else
		json_add_int(object, name, value);
}

void json_add_time(cJSON *object, const char *name, int64_t wall_ms)
{
	struct buf text = {0};

	/* ISO 8601 has years of four digits. */
	if (wall_ms < 0 || wall_ms > INT64_C(253402300799999)) {
		cJSON_AddNullToObject(object, name);
		return;
	}
	timestamp_format(wall_ms, &text);
	cJSON_AddStringToObject(object, name, text.p);
	buf_release(&text);
}

static void print(const cJSON *value, struct buf *out, struct timeslice *timeslice);

static void print_string(const char *string, struct buf *out, struct timeslice *timeslice)
{
	struct slice text = slice_str(string);

	json_quote(out, text);
	if (timeslice)
		timeslice_spend(timeslice, 1 + text.n / rest_bytes);
}

static void print_items(const cJSON *value, struct buf *out, struct timeslice *timeslice)
{
	for (const cJSON *at = value->child; at; at = at->next) {
		if (at != value->child)
			buf_char(out, ',');
		if (cJSON_IsObject(value)) {
			json_quote(out, slice_str(at->string));
			buf_char(out, ':');
		}
		print(at, out, timeslice);
	}
}

static void print_scalar(const cJSON *value, struct buf *out)
{
	char text[64]; /* a number has 26 bytes at most */

	cJSON_PrintPreallocated((cJSON *)value, text, sizeof text, false);
	buf_str(out, text);
}

static void print(const cJSON *value, struct buf *out, struct timeslice *timeslice)
{
	if (cJSON_IsString(value)) {
		print_string(value->valuestring, out, timeslice);
	} else if (cJSON_IsRaw(value)) {
		buf_str(out, value->valuestring);
	} else if (cJSON_IsArray(value) || cJSON_IsObject(value)) {
		buf_char(out, cJSON_IsArray(value) ? '[' : '{');
		print_items(value, out, timeslice);
		buf_char(out, cJSON_IsArray(value) ? ']' : '}');
	} else {
		print_scalar(value, out);
	}
}

void json_print(const cJSON *value, struct buf *out)
{
	print(value, out, NULL);
}

void json_print_yielding(const cJSON *value, struct buf *out)
{
	struct timeslice timeslice = {.since_ns = clock_mono_ns()};

	print(value, out, &timeslice);
}

const char *json_member_text(const cJSON *object, const char *name)
{
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));

	return text ? text : "";
}

void json_member_clear(cJSON *object, const char *name)
{
	if (cJSON_GetObjectItemCaseSensitive(object, name))
		cJSON_ReplaceItemInObjectCaseSensitive(object, name, cJSON_CreateNull());
}
