/* SPDX-License-Identifier: MIT */
/*
 * GET, PUT, DELETE /keys/{key}: one value's bytes.
 *
 * Special: the way of a GET is walked ten thousands of times a second: no JSON, no copy but the
 * answer's own.
 */
#include <stdio.h>

#include "api/handlers.h"
#include "api/keys.h"
#include "api/keys_value.h"
#include "base/mem.h"

static void header_int(struct request *request, const char *name, int64_t value)
{
	char text[24];

	snprintf(text, sizeof text, "%lld", (long long)value);
	reply_header(request, name, text);
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

void api_key_get(struct request *request, void *context)
{
	struct app *app = context;
	struct buf scratch = {0};
	struct entry entry = {0};
	struct slice key;
	struct fault fault;

	if (keys_name(request, &scratch, &key, &fault) || entry_read(&app->cw, key, &entry, &fault))
		reply_fault(request, &fault);
	else if (!entry.reply)
		reply_absent(request);
	else
		reply_value(request, app, &entry);
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

void api_key_put(struct request *request, void *context)
{
	struct app *app = context;
	struct buf scratch = {0};
	struct entry_write write = {0};
	struct slice *tags = NULL;
	enum entry_outcome outcome;
	struct fault fault;

	if (keys_name(request, &scratch, &write.key, &fault) ||
		read_put(request, &write, &tags, &fault) ||
		entry_write(&app->cw, &write, &outcome, &fault)) {
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
