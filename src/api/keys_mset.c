/* SPDX-License-Identifier: MIT */
/*
 * POST /mset: all entries are checked before the first is stored; the answer names each wrong one.
 */
#include <stdio.h>

#include "api/answer.h"
#include "api/handlers.h"
#include "api/keys_many.h"
#include "base/base64.h"
#include "cache/tag.h"

enum { reported_entries = 20 };

struct mset_body {
	struct keys_many many;
	struct entry_write *writes;
	size_t count;
	int64_t max_value_bytes;
	cJSON *errors; /* of the problem */
	struct fault *first;
};

/* One entry's members as the body has them. */
struct entry_body {
	struct slice key, encoding;
	struct body_list tags;
	struct json_value value, ttl;
	bool has_value, has_ttl;
};

static enum error other_member(void *context, struct slice name, struct json_value value,
	struct arena *arena, struct fault *fault)
{
	struct entry_body *body = context;

	(void)arena, (void)fault;
	if (slice_is(name, "value")) {
		body->value = value;
		body->has_value = value.type != JSON_NULL;
	} else if (slice_is(name, "ttl")) {
		body->ttl = value;
		body->has_ttl = value.type != JSON_NULL;
	} else {
		return ERR_NOT_FOUND;
	}
	return OK;
}

static enum error decode_value(const struct mset_body *mset, const struct entry_body *body,
	const char *pointer, struct slice *ret, struct fault *fault)
{
	struct arena *arena = mset->many.arena;
	struct buf bytes = {0};
	bool base64 = slice_is(body->encoding, "base64");

	if (!body->has_value || body->value.type != JSON_STRING)
		return fault_at(fault, ERR_BAD_BODY, pointer, "%s must be a string", pointer);
	if (body->encoding.n && !base64 && !slice_is(body->encoding, "utf-8"))
		return fault_at(fault, ERR_BAD_BODY, pointer,
			"the encoding of %s must be utf-8 or base64", pointer);
	*ret = body_text(body->value, arena);
	if (base64) {
		bool valid = base64_decode(*ret, false, &bytes);

		*ret = arena_take(arena, &bytes);
		if (!valid)
			return fault_at(fault, ERR_BAD_BODY, pointer,
				"%s is not base64 (RFC 4648, with padding)", pointer);
	}
	if ((int64_t)ret->n > mset->max_value_bytes)
		return fault_at(fault, ERR_TOO_LARGE, pointer,
			"%s has %zu bytes; at most %lld are stored (cache.max_value_bytes)",
			pointer, ret->n, (long long)mset->max_value_bytes);
	return OK;
}

static enum error fill_write(struct mset_body *mset, const struct entry_body *body, const char *at,
	struct entry_write *write, struct fault *fault)
{
	char pointer[BODY_POINTER_BYTES];
	enum error error;

	body_point(pointer, at, SLICE("key"));
	if (!body->key.p)
		return fault_at(fault, ERR_BAD_BODY, pointer, "%s is needed", pointer);
	error = keys_many_add(&mset->many, body->key, pointer, fault);
	if (error)
		return error;
	write->key = mset->many.names[mset->many.count - 1];
	body_point(pointer, at, SLICE("value"));
	error = decode_value(mset, body, pointer, &write->value, fault);
	if (error || !body->has_ttl)
		return error;
	body_point(pointer, at, SLICE("ttl"));
	return keys_ttl_member(body->ttl, pointer, &write->ttl_ms, fault);
}

static enum error check_tags(const struct body_list *tags, const char *at, struct fault *fault)
{
	struct fault own;

	for (size_t i = 0; i < tags->count; i++) {
		if (tag_check(tags->items[i], &own) == OK)
			continue;
		char pointer[BODY_POINTER_BYTES + 16];

		snprintf(pointer, sizeof pointer, "%s/tags/%zu", at, i);
		return fault_at(fault, ERR_BAD_BODY, pointer, "%s: %s", pointer, own.detail);
	}
	return OK;
}

static enum error read_entry(
	struct mset_body *mset, struct json_value value, const char *at, struct fault *fault)
{
	struct entry_write *write = &mset->writes[mset->count++];
	struct entry_body body = {0};
	const struct body_member members[] = {
		{"key", BODY_STRING, &body.key, 1, 2 * KEY_MAX_BYTES},
		{"encoding", BODY_STRING, &body.encoding, 1, 16},
		{"tags", BODY_LIST, &body.tags, 0, ENTRY_MANY_TAGS},
	};
	const struct body_table table = {
		members, sizeof members / sizeof *members, other_member, &body, at};
	enum error error = body_read(value, &table, mset->many.arena, fault);

	write->tags = body.tags.items;
	write->tag_count = body.tags.count;
	if (!error)
		error = check_tags(&body.tags, at, fault);
	if (!error)
		error = fill_write(mset, &body, at, write, fault);
	return error;
}

static void note_error(struct mset_body *mset, const struct fault *fault)
{
	if (!mset->errors) {
		mset->errors = cJSON_CreateArray();
		*mset->first = *fault;
		mset->first->pointer[0] = '\0';
	}
	if (cJSON_GetArraySize(mset->errors) == reported_entries)
		return;
	cJSON *item = cJSON_CreateObject();
	json_add_slice(item, "pointer", slice_str(fault->pointer));
	json_add_slice(item, "detail", slice_str(fault->detail));
	cJSON_AddItemToArray(mset->errors, item);
}

static enum error read_entries(
	struct mset_body *mset, struct json_value entries, struct fault *fault)
{
	char at[32];

	mset->writes = arena_alloc(mset->many.arena, ENTRY_MANY_KEYS * sizeof *mset->writes);
	for (struct json_iter it = json_iterate(entries); json_next(&it);) {
		struct fault own = {0};

		if (mset->count == ENTRY_MANY_KEYS) {
			cJSON_Delete(mset->errors);
			mset->errors = NULL;
			return fault_at(fault, ERR_BAD_BODY, "/entries",
				"/entries has more than %d elements: name fewer at once",
				ENTRY_MANY_KEYS);
		}
		snprintf(at, sizeof at, "/entries/%zu", mset->count);
		if (read_entry(mset, it.value, at, &own))
			note_error(mset, &own);
	}
	if (mset->count == 0)
		return fault_at(fault, ERR_BAD_BODY, "/entries", "/entries must not be empty");
	return mset->errors ? fault->error : OK;
}

static enum error read_mset(struct mset_body *mset, struct request *request, struct fault *fault)
{
	struct json_value entries = {0};
	const struct body_member members[] = {{"entries", BODY_ARRAY, &entries, 0, 0}};
	const struct body_table table = {.members = members, .count = 1};
	enum error error = keys_encoded(request, &mset->many.encoded, fault);

	mset->first = fault;
	mset->max_value_bytes = request_conf(request)->max_value_bytes;
	keys_many_begin(&mset->many, request);
	if (!error)
		error = body_parse(request, &table, fault);
	if (!error && !entries.text.n)
		error = fault_at(fault, ERR_BAD_BODY, "/entries", "/entries is needed");
	return error ? error : read_entries(mset, entries, fault);
}

static cJSON *extra_of(struct mset_body *mset, bool began, size_t stored)
{
	cJSON *extra = cJSON_CreateObject();

	if (mset->errors)
		cJSON_AddItemToObject(extra, "errors", mset->errors);
	if (began)
		json_add_uint(extra, "stored", stored);
	return extra;
}

void api_keys_mset(struct request *request, void *context)
{
	struct app *app = context;
	struct mset_body mset = {0};
	struct fault fault;
	size_t stored = 0;
	enum error error = read_mset(&mset, request, &fault);
	bool began = !error;

	if (began)
		error = entry_write_many(
			&app->engine.cache, mset.writes, mset.count, &stored, &fault);
	if (error)
		reply_fault_with(request, &fault, extra_of(&mset, began, stored));
	else
		answer_int(request, "stored", (int64_t)stored);
}
