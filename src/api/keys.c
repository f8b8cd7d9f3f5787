/* SPDX-License-Identifier: MIT */
/*
 * GET, PUT, DELETE /keys/{key}: one value's bytes.
 *
 * Special: GET is served tens of thousands of times a second: no JSON, and no copy but that into
 * the answer.
 */
#include "api/keys.h"
#include "api/answer.h"
#include "api/handlers.h"
#include "api/header_tags.h"
#include "api/keys_lease.h"
#include "api/keys_many.h"
#include "api/keys_value.h"

static void reply_absent(struct request *request)
{
	struct fault fault;

	fault_set(&fault, ERR_NO_VALUE, "the key does not exist, or it has expired");
	reply_header(request, "X-Cache", "MISS");
	reply_fault(request, &fault);
}

static void reply_value(struct request *request, struct app *app, const struct entry *entry)
{
	struct buf scratch = {0};
	struct keys_value value;
	struct fault fault;

	if (keys_value(request, &app->engine.cache, entry, &scratch, &value, &fault)) {
		reply_fault(request, &fault);
		goto out;
	}
	if (entry->stale)
		app->engine.cache.stale_served++;
	reply_header(request, "X-Cache", entry->stale ? "STALE" : "HIT");
	answer_header_int(request, "X-Cache-TTL", keys_ttl_seconds(entry->ttl_ms));
	reply_header(request, "ETag", value.etag);
	if (value.varies)
		reply_header(request, "Vary", "Accept-Encoding");
	if (value.encoding)
		reply_header(request, "Content-Encoding", value.encoding);
	if (keys_value_known(request, &value))
		reply_empty(request, 304);
	else
		reply_bytes(request, 200, "application/octet-stream", value.bytes);
out:
	buf_release(&scratch);
}

static void reply_found(struct request *request, struct app *app, const struct entry *entry)
{
	if (entry->reply)
		reply_value(request, app, entry);
	else
		reply_absent(request);
}

void api_key_get(struct request *request, void *context)
{
	struct app *app = context;
	struct entry entry = {0};
	struct entry_room room = keys_room(request);
	struct slice key;
	int64_t lease_s = 0;
	struct fault fault;

	if (keys_name(request, &key, &fault) || keys_lease_wanted(request, &lease_s, &fault) ||
		entry_read_within(&app->engine.cache, key, &room, &entry, &fault))
		reply_fault(request, &fault);
	else if (lease_s == 0 || (entry.reply && !entry.stale) ||
		 !keys_lease_answer(request, app, key, lease_s, &entry))
		reply_found(request, app, &entry);
	entry_release(&entry);
}

/* What a PUT asks for. */
struct put {
	struct entry_write write;
	enum keys_condition condition;
	struct body_list tags;
};

static enum error read_put(struct request *request, struct put *put, struct fault *fault)
{
	struct entry_write *write = &put->write;
	struct slice text;
	const char *header;
	bool nx = false;
	enum error error = request_query_bool(request, "nx", &nx, fault);

	if (!error && request_query(request, "ttl", &text))
		error = keys_ttl_text(text, &write->ttl_ms, fault);
	if (!error)
		error = header_tags(request, ENTRY_MANY_TAGS, &put->tags, &header, fault);
	if (!error)
		error = keys_condition_read(request, &put->condition, fault);
	if (!error && nx && (put->condition == KEYS_IF_MATCH || put->condition == KEYS_IF_PRESENT))
		error = fault_set(fault, ERR_BAD_PARAMETER,
			"nx stores only if the key is absent, If-Match only if it exists: leave "
			"one out");
	if (put->condition == KEYS_IF_PRESENT)
		write->mode = ENTRY_SET_IF_PRESENT;
	else
		write->mode =
			nx || put->condition == KEYS_IF_ABSENT ? ENTRY_SET_IF_ABSENT : ENTRY_SET;
	write->value = request_body(request);
	write->tags = put->tags.items;
	write->tag_count = put->tags.count;
	return error;
}

static enum error store(struct request *request, struct cache *cache, struct put *put,
	enum entry_outcome *ret, struct fault *fault)
{
	struct slice token;

	if (!request_header(request, "X-Cache-Lease", &token)) {
		if (put->condition == KEYS_IF_MATCH)
			return keys_condition_put(request, cache, &put->write, ret, fault);
		return entry_write(cache, &put->write, ret, fault);
	}
	if (put->condition != KEYS_ALWAYS)
		return fault_set(fault, ERR_BAD_REQUEST,
			"If-Match and If-None-Match cannot be combined with X-Cache-Lease: only "
			"the holder of a lease loads");
	if (put->write.mode != ENTRY_SET)
		return fault_set(fault, ERR_BAD_PARAMETER,
			"nx cannot be combined with X-Cache-Lease: only the holder of a lease "
			"loads");
	return keys_lease_put(cache, token, &put->write, ret, fault);
}

/* Ends the lease of a PUT that was refused before its handler. Parks. */
static void end_refused(struct request *request, struct app *app)
{
	struct slice key, token;
	struct fault fault;

	if (request_header(request, "X-Cache-Lease", &token) &&
		keys_name(request, &key, &fault) == OK)
		keys_lease_refused(request, &app->engine.cache, key);
}

void api_key_put(struct request *request, void *context)
{
	struct app *app = context;
	struct put put = {0};
	enum entry_outcome outcome;
	struct fault fault;

	if (request_is_answered(request)) {
		end_refused(request, app);
		return;
	}
	if (keys_name(request, &put.write.key, &fault)) {
		reply_fault(request, &fault);
	} else if (read_put(request, &put, &fault) ||
		   store(request, &app->engine.cache, &put, &outcome, &fault)) {
		keys_lease_refused(request, &app->engine.cache, put.write.key);
		reply_fault(request, &fault);
	} else if (outcome == ENTRY_NOT_STORED) {
		keys_condition_failed(put.condition, &fault);
		reply_fault(request, &fault);
	} else {
		reply_empty(request, outcome == ENTRY_STORED_NEW ? 201 : 204);
	}
}

/* Without dependents. Parks. */
static void delete_alone(struct request *request, struct cache *cache, struct slice key,
	enum keys_condition condition)
{
	size_t deleted = 1;
	struct fault fault;
	enum error error = condition == KEYS_ALWAYS
				   ? entry_delete_many(cache, request_identity(request)->name, &key,
					     1, &deleted, &fault)
				   : keys_condition_delete(request, cache, key, condition, &fault);

	if (error)
		reply_fault(request, &fault);
	else
		answer_deleted(request, deleted);
}

void api_key_delete(struct request *request, void *context)
{
	struct app *app = context;
	struct slice key;
	enum keys_condition condition;
	bool cascade = false;
	uint64_t deleted;
	struct fault fault;
	enum error error = keys_name(request, &key, &fault);

	if (!error)
		error = request_query_bool(request, "cascade", &cascade, &fault);
	if (!error)
		error = keys_condition_read(request, &condition, &fault);
	if (!error && cascade && condition != KEYS_ALWAYS)
		error = fault_set(&fault, ERR_BAD_REQUEST,
			"If-Match cannot be combined with cascade: it says nothing about the "
			"dependents");
	if (error)
		reply_fault(request, &fault);
	else if (!cascade)
		delete_alone(request, &app->engine.cache, key, condition);
	else if (keys_cascade(request, app, &key, 1, &deleted))
		answer_deleted(request, deleted);
}
