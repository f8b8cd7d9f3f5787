/* SPDX-License-Identifier: MIT */
/*
 * GET, PUT, DELETE /keys/{key}: one value's bytes.
 *
 * Special: the way of a GET is walked ten thousands of times a second: no JSON, no copy but the
 * answer's own.
 */
#include "api/keys.h"
#include "api/handlers.h"
#include "api/keys_lease.h"
#include "api/keys_value.h"
#include "base/mem.h"

static void header_int(struct request *request, const char *name, int64_t value)
{
	char room[SLICE_INT_ROOM];

	reply_header(request, name, slice_of_int(room, value).p);
}

static void reply_absent(struct request *request)
{
	struct fault fault;

	fault_set(&fault, ERR_NO_VALUE, "nothing is stored under this key, or it has expired");
	reply_header(request, "X-Cache", "MISS");
	reply_fault(request, &fault);
}

static void reply_value(struct request *request, struct app *app, const struct entry *entry)
{
	struct buf scratch = {0};
	struct keys_value value;
	struct fault fault;

	if (keys_value(request, &app->cw, entry, &scratch, &value, &fault)) {
		reply_fault(request, &fault);
		goto out;
	}
	if (entry->stale)
		app->cw.stale_served++;
	reply_header(request, "X-Cache", entry->stale ? "STALE" : "HIT");
	header_int(request, "X-Cache-TTL", keys_ttl_seconds(entry->ttl_ms));
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
	struct buf scratch = {0};
	struct entry entry = {0};
	struct entry_room room = keys_room(request);
	struct slice key;
	int64_t lease_s = 0;
	struct fault fault;

	if (keys_name(request, &scratch, &key, &fault) ||
		keys_lease_wanted(request, &lease_s, &fault) ||
		entry_read_within(&app->cw, key, &room, &entry, &fault))
		reply_fault(request, &fault);
	else if (lease_s == 0 || (entry.reply && !entry.stale) ||
		 !keys_lease_answer(request, app, key, lease_s, &entry))
		reply_found(request, app, &entry);
	entry_release(&entry);
	buf_release(&scratch);
}

/* *ret_tags: to be freed. */
static enum error read_put(struct request *request, struct entry_write *write,
	struct slice **ret_tags, struct fault *fault)
{
	struct slice text;
	bool nx = false;
	enum error error = request_query_bool(request, "nx", &nx, fault);

	if (!error && request_query(request, "ttl", &text))
		error = keys_ttl_text(text, &write->ttl_ms, fault);
	if (!error)
		error = keys_tags(request, ret_tags, &write->tag_count, fault);
	write->mode = nx ? ENTRY_MISSING : ENTRY_REPLACE;
	write->value = request_body(request);
	write->tags = *ret_tags;
	return error;
}

static enum error store(struct request *request, struct cw *cw, const struct entry_write *write,
	enum entry_outcome *ret, struct fault *fault)
{
	struct slice token;

	if (!request_header(request, "X-Cache-Lease", &token))
		return entry_write(cw, write, ret, fault);
	if (write->mode != ENTRY_REPLACE)
		return fault_set(fault, ERR_BAD_PARAMETER,
			"nx does not go with X-Cache-Lease: a lease's holder is the only one "
			"that loads");
	return keys_lease_put(cw, token, write, ret, fault);
}

void api_key_put(struct request *request, void *context)
{
	struct app *app = context;
	struct buf scratch = {0};
	struct entry_write write = {0};
	struct slice *tags = NULL;
	enum entry_outcome outcome;
	struct fault fault;

	if (keys_name(request, &scratch, &write.key, &fault)) {
		reply_fault(request, &fault);
	} else if (read_put(request, &write, &tags, &fault) ||
		   store(request, &app->cw, &write, &outcome, &fault)) {
		keys_lease_refused(request, &app->cw, write.key);
		reply_fault(request, &fault);
	} else if (outcome == ENTRY_NOT_STORED) {
		fault_set(&fault, ERR_PRECONDITION_FAILED,
			"nx=true stores only where nothing is, and the key is there already");
		reply_fault(request, &fault);
	} else {
		reply_empty(request, outcome == ENTRY_CREATED ? 201 : 204);
	}
	mem_free(tags);
	buf_release(&scratch);
}

void api_key_delete(struct request *request, void *context)
{
	struct app *app = context;
	struct buf scratch = {0};
	struct slice key;
	size_t deleted;
	struct fault fault;

	if (keys_name(request, &scratch, &key, &fault) ||
		entry_delete_many(&app->cw, &key, 1, &deleted, &fault)) {
		reply_fault(request, &fault);
	} else {
		reply_header(request, "X-Cache-Deleted", deleted ? "1" : "0");
		reply_empty(request, 204);
	}
	buf_release(&scratch);
}
