/* SPDX-License-Identifier: MIT */
/* Names, TTLs and cursors in requests and answers; see keys.h. */
#include "api/keys.h"

#include "base/base64.h"
#include "base/utf8.h"

enum error keys_encoded(struct request *request, bool *ret, struct fault *fault)
{
	struct slice text;

	*ret = false;
	if (!request_query(request, "key_encoding", &text))
		return OK;
	if (!slice_is(text, "base64url"))
		return fault_set(fault, ERR_BAD_PARAMETER,
			"the query parameter key_encoding must be base64url, or be left out if "
			"keys are plain text");
	*ret = true;
	return OK;
}

enum error keys_decoded(struct request *request, struct slice *ret, struct fault *fault)
{
	struct buf bytes = {0};
	bool encoded;
	enum error error = keys_encoded(request, &encoded, fault);

	if (error)
		return error;
	*ret = request_path(request, "key");
	if (encoded) {
		bool valid = base64_decode(*ret, true, &bytes);

		*ret = arena_take(request_arena(request), &bytes);
		if (!valid)
			return fault_set(fault, ERR_BAD_KEY,
				"the key is not base64url: letters, digits, - and _, without =");
	}
	return guard_check_key(*ret, fault);
}

enum error keys_name(struct request *request, struct slice *ret, struct fault *fault)
{
	struct guard guard;
	enum error error = keys_decoded(request, ret, fault);

	if (error)
		return error;
	guard_init_few(&guard, request_conf(request), request_identity(request));
	return guard_exact(&guard, *ret, fault);
}

/* Whether `text` is a TTL; *ret_ms is then its milliseconds, or -1. */
static bool ttl_of(struct slice text, int64_t *ret_ms)
{
	int64_t seconds;

	if (!slice_int64(text, &seconds))
		return false;
	if (seconds != -1 && (seconds < 1 || seconds > KEYS_MAX_TTL_S))
		return false;
	*ret_ms = seconds == -1 ? -1 : seconds * 1000;
	return true;
}

enum error keys_ttl_text(struct slice text, int64_t *ret_ms, struct fault *fault)
{
	if (ttl_of(text, ret_ms))
		return OK;
	return fault_set(fault, ERR_BAD_PARAMETER,
		"the query parameter ttl must be a whole number of seconds, 1 to %d (10 years), or "
		"-1 for no expiry",
		KEYS_MAX_TTL_S);
}

enum error keys_ttl_member(
	struct json_value value, const char *pointer, int64_t *ret_ms, struct fault *fault)
{
	if (value.type == JSON_NUMBER && ttl_of(value.text, ret_ms))
		return OK;
	return fault_at(fault, ERR_BAD_BODY, pointer,
		"%s must be a whole number of seconds, 1 to %d (10 years), or -1 for no expiry",
		pointer, KEYS_MAX_TTL_S);
}

int64_t keys_ttl_seconds(int64_t ttl_ms)
{
	return ttl_ms <= 0 ? ttl_ms : (ttl_ms + 999) / 1000;
}

void keys_quote(struct slice key, bool encoded, struct buf *out)
{
	if (!encoded) {
		json_quote(out, key);
		return;
	}
	buf_char(out, '"');
	base64_encode(key, true, out);
	buf_char(out, '"');
}

void keys_write_name(struct slice key, bool encoded, struct buf *out)
{
	bool text = !encoded && utf8_valid(key);

	buf_str(out, "\"key\":");
	keys_quote(key, !text, out);
	buf_printf(out, ",\"key_encoding\":\"%s\"", text ? "utf-8" : "base64url");
}

void keys_add_name(cJSON *object, struct slice key)
{
	bool text = utf8_valid(key);
	struct buf quoted = {0};

	keys_quote(key, !text, &quoted);
	cJSON_AddRawToObject(object, "key", quoted.p);
	cJSON_AddStringToObject(object, "key_encoding", text ? "utf-8" : "base64url");
	buf_release(&quoted);
}

enum error keys_cursor(struct request *request, struct slice *ret, struct fault *fault)
{
	uint64_t number;

	if (!request_query(request, "cursor", ret) || ret->n == 0)
		*ret = SLICE("0");
	return slice_uint64(*ret, &number)
		       ? OK
		       : fault_set(fault, ERR_BAD_PARAMETER,
				 "the query parameter cursor must be the `next` of the previous "
				 "page, or be left out");
}
