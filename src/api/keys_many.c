/* SPDX-License-Identifier: MIT */
/*
 * POST /mget, /mdelete: many keys in one pipeline.
 *
 * Special: an answer of mget may have many megabytes: it is written as text from the replies, and
 * the fiber yields meanwhile.
 */
#include "api/keys_many.h"

#include <stdio.h>

#include "api/answer.h"
#include "api/handlers.h"
#include "api/operations.h"
#include "base/base64.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "cache/codec.h"
#include "invalidate/invalidator.h"

/* To decompress so many bytes takes about a millisecond. */
enum { turn_bytes = 64 * 1024 };

void keys_many_begin(struct keys_many *many, struct request *request)
{
	many->arena = request_arena(request);
	many->names = arena_alloc(many->arena, ENTRY_MANY_KEYS * sizeof *many->names);
	guard_init(&many->guard, request_conf(request), request_identity(request));
}

static enum error judge(
	const struct keys_many *many, struct slice key, const char *pointer, struct fault *fault)
{
	enum error error = guard_check_key(key, fault);

	if (!error)
		error = guard_exact(&many->guard, key, fault);
	if (error && fault)
		snprintf(fault->pointer, sizeof fault->pointer, "%s", pointer);
	return error;
}

enum error keys_many_add(
	struct keys_many *many, struct slice text, const char *pointer, struct fault *fault)
{
	struct buf bytes = {0};
	bool valid = !many->encoded || base64_decode(text, true, &bytes);
	struct slice key = many->encoded ? arena_take(many->arena, &bytes) : text;

	if (!valid)
		return fault_at(fault, ERR_BAD_KEY, pointer,
			"%s is not base64url: letters, digits, - and _, without =", pointer);
	enum error error = judge(many, key, pointer, fault);
	if (!error)
		many->names[many->count++] = key;
	return error;
}

/* Reads {"keys": [...]}, and "cascade" where ret_cascade is not NULL, with ?key_encoding. */
static enum error keys_many_read(
	struct keys_many *many, struct request *request, bool *ret_cascade, struct fault *fault)
{
	struct body_list keys = {0};
	const struct body_member members[] = {{"keys", BODY_LIST, &keys, 1, ENTRY_MANY_KEYS},
		{"cascade", BODY_BOOL, ret_cascade, 0, 0}};
	const struct body_table table = {.members = members, .count = ret_cascade ? 2 : 1};
	char pointer[32];
	enum error error = keys_encoded(request, &many->encoded, fault);

	keys_many_begin(many, request);
	if (!error)
		error = body_parse(request, &table, fault);
	if (!error && keys.count == 0)
		error = fault_at(fault, ERR_BAD_BODY, "/keys", "/keys is required");
	for (size_t i = 0; i < keys.count && !error; i++) {
		snprintf(pointer, sizeof pointer, "/keys/%zu", i);
		error = keys_many_add(many, keys.items[i], pointer, fault);
	}
	return error;
}

/* UTF-8 without control bytes other than newline, carriage return and tab. */
static bool is_text(struct slice value)
{
	for (size_t i = 0; i < value.n; i++) {
		unsigned char c = (unsigned char)value.p[i];

		if (c < ' ' && c != '\n' && c != '\r' && c != '\t')
			return false;
	}
	return utf8_valid(value);
}

static void write_error(
	const struct keys_many *many, struct slice key, enum error error, struct buf *out)
{
	buf_str(out, "{\"key\":");
	keys_quote(key, many->encoded, out);
	buf_str(out, ",\"error\":\"");
	buf_str(out, error_code(error));
	buf_str(out, "\"}");
}

static void write_value(const struct keys_many *many, struct slice key, const struct entry *entry,
	struct slice value, struct buf *out)
{
	bool text = is_text(value);

	buf_str(out, "{\"key\":");
	keys_quote(key, many->encoded, out);
	buf_str(out, ",\"value\":");
	if (text) {
		json_quote(out, value);
	} else {
		buf_char(out, '"');
		base64_encode(value, false, out);
		buf_char(out, '"');
	}
	buf_str(out, ",\"ttl\":");
	buf_int(out, keys_ttl_seconds(entry->ttl_ms));
	buf_str(out, text ? ",\"encoding\":\"utf-8\"}" : ",\"encoding\":\"base64\"}");
}

/* *left: how many bytes the following values may have. */
static void write_entry(struct cache *cache, const struct keys_many *many, struct slice key,
	const struct entry *entry, size_t *left, struct buf *out)
{
	struct buf scratch = {0};
	struct slice value;
	enum error error = entry->error;

	if (!error && !entry->reply) {
		buf_str(out, "null");
		return;
	}
	/* Checked before decompressing. */
	if (!error && codec_value_bytes(entry->stored) > *left)
		error = ERR_REPLY_TOO_LARGE;
	if (!error)
		error = entry_value(cache, entry, &scratch, &value, NULL);
	if (error) {
		write_error(many, key, error, out);
	} else {
		*left -= value.n;
		cache->stale_served += entry->stale;
		write_value(many, key, entry, value, out);
	}
	buf_release(&scratch);
}

/* Compressed values need more than was claimed when they were read. */
static enum error claim_values(struct request *request, const struct keys_many *many,
	const struct entry *entries, struct fault *fault)
{
	size_t left = ENTRY_MANY_BYTES;

	for (size_t i = 0; i < many->count; i++) {
		size_t n = entries[i].reply ? codec_value_bytes(entries[i].stored) : 0;

		if (n <= left)
			left -= n;
	}
	return reply_claim(request, ENTRY_MANY_BYTES - left, fault);
}

static void reply_entries(struct request *request, struct cache *cache,
	const struct keys_many *many, struct entry *entries)
{
	size_t left = ENTRY_MANY_BYTES, turned = 0, n;
	struct buf out = {0};

	buf_str(&out, "{\"entries\":[");
	for (size_t i = 0; i < many->count; i++) {
		if (i)
			buf_char(&out, ',');
		write_entry(cache, many, many->names[i], &entries[i], &left, &out);
		entry_release(&entries[i]);
		if (out.n - turned > turn_bytes) {
			turned = out.n;
			fiber_yield();
		}
	}
	buf_str(&out, "]}\n");
	char *body = buf_steal(&out, &n);
	reply_owned(request, 200, "application/json", body, n);
}

void api_keys_mget(struct request *request, void *context)
{
	struct app *app = context;
	struct keys_many many = {0};
	struct entry *entries = NULL;
	struct fault fault;
	enum error error = keys_many_read(&many, request, NULL, &fault);

	if (!error) {
		entries = mem_array(many.count, sizeof *entries);
		struct entry_room room = keys_room(request);

		error = entry_read_many(
			&app->engine.cache, many.names, many.count, &room, entries, &fault);
		if (!error)
			error = claim_values(request, &many, entries, &fault);
		if (!error)
			reply_entries(request, &app->engine.cache, &many, entries);
		for (size_t i = 0; i < many.count; i++)
			entry_release(&entries[i]);
	}
	if (error)
		reply_fault(request, &fault);
	mem_free(entries);
}

enum { cascade_wait_ms = 10000 };

/* OK if all was removed. */
static enum error verdict(const struct operation *operation,
	const struct invalidation_result *result, struct fault *fault)
{
	const struct fault *own = operation_error(operation);

	if (own->error) {
		*fault = *own;
		return own->error;
	}
	if (result && result->reason == REASON_COMPLETE)
		return OK;
	return fault_set(fault, ERR_INCOMPLETE,
		"not all dependents were removed (%s): operation %s has the counts",
		result ? invalidation_result_reason(result) : "no reason", operation_id(operation));
}

static bool answer_cascade(
	struct request *request, const struct operation *operation, uint64_t *ret_deleted)
{
	const struct invalidation_result *result = operation_result(operation);
	struct fault fault;

	*ret_deleted = result ? result->invalidated : 0;
	if (verdict(operation, result, &fault) == OK)
		return true;
	reply_fault(request, &fault);
	return false;
}

bool keys_cascade(struct request *request, struct app *app, const struct slice *keys, size_t count,
	uint64_t *ret_deleted)
{
	struct operation *operation;
	struct fault fault;
	bool told = false;

	if (pause_check(app->engine.pauses, PAUSE_INVALIDATION, &fault)) {
		reply_fault(request, &fault);
		return false;
	}
	struct invalidation *what =
		invalidation_new(request_conf(request), request_identity(request));

	for (size_t i = 0; i < count; i++)
		invalidation_add_key(what, keys[i]);
	if (invalidator_begin(app->engine.invalidator, what, &operation, &fault)) {
		reply_fault(request, &fault);
		return false;
	}
	if (operation_wait(operation, clock_deadline(cascade_wait_ms)) == OK)
		told = answer_cascade(request, operation, ret_deleted);
	else
		operations_reply_accepted(request, operation);
	operation_unref(operation);
	return told;
}

void api_keys_mdelete(struct request *request, void *context)
{
	struct app *app = context;
	struct keys_many many = {0};
	size_t deleted = 0;
	uint64_t with_dependents;
	bool cascade = false;
	struct fault fault;
	enum error error = keys_many_read(&many, request, &cascade, &fault);

	if (!error && !cascade)
		error = entry_delete_many(&app->engine.cache, request_identity(request)->name,
			many.names, many.count, &deleted, &fault);
	if (error)
		reply_fault(request, &fault);
	else if (!cascade)
		answer_int(request, "deleted", (int64_t)deleted);
	else if (keys_cascade(request, app, many.names, many.count, &with_dependents))
		answer_int(request, "deleted", (int64_t)with_dependents);
}
