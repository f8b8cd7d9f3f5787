/* SPDX-License-Identifier: MIT */
/*
 * Counts and logs each answered request; see access_log.h.
 *
 * Special: counting is two array steps; names and texts are made when metrics are read. The log
 * shows the path of the route, never the target, which may contain keys.
 */
#include <stdio.h>

#include "base/clock.h"
#include "base/mem.h"
#include "http/server_internal.h"
#include "text/json.h"

/* Different statuses that are counted separately; any further one is counted with the last. */
enum { max_codes = 32, max_status = 600 };

struct access_log {
	const struct route *routes;
	size_t count;
	struct metrics *metrics;
	struct log *log;
	int codes[max_codes];
	size_t code_count;
	uint8_t slots[max_status]; /* 1 + the index in codes */
	uint64_t *fresh;	   /* [route or count for none][code], not yet published */
};

struct access_log *access_log_new(
	const struct route *routes, size_t count, struct metrics *metrics, struct log *log)
{
	struct access_log *access = mem_new(struct access_log);

	access->routes = routes;
	access->count = count;
	access->metrics = metrics;
	access->log = log;
	access->fresh = mem_array((count + 1) * max_codes, sizeof *access->fresh);
	return access;
}

void access_log_free(struct access_log *access)
{
	if (!access)
		return;
	mem_free(access->fresh);
	mem_free(access);
}

static size_t code_slot(struct access_log *access, int status)
{
	uint8_t *slot = &access->slots[status > 0 && status < max_status ? status : 0];

	if (*slot == 0 && access->code_count < max_codes) {
		access->codes[access->code_count++] = status;
		*slot = (uint8_t)access->code_count;
	}
	return *slot ? *slot - 1u : max_codes - 1;
}

/* The members of a request's line where the log is JSON. */
static void add_members(const struct request *request, int64_t us, struct buf *out)
{
	const struct route *route = request->match.route;
	const struct identity *who = request->auth.identity;

	buf_str(out, "\"method\":");
	json_quote(out, request->head.method);
	buf_str(out, ",\"path\":");
	if (route)
		json_quote(out, slice_str(route->path));
	else
		buf_str(out, "null");
	buf_printf(out,
		",\"status\":%d,\"duration_ms\":%lld.%03lld,\"request_id\":", request->status,
		(long long)(us / 1000), (long long)(us % 1000));
	json_quote(out, slice_str(request->id));
	if (*request->trace) {
		buf_str(out, ",\"trace_id\":");
		json_quote(out, trace_id(request->trace));
	}
	buf_str(out, ",\"token\":");
	if (who && request->auth.token)
		json_quote(out, slice_str(who->name));
	else
		buf_str(out, "null");
}

static void log_request(struct access_log *access, const struct request *request, int64_t us)
{
	const struct route *route = request->match.route;
	const struct identity *who = request->auth.identity;
	struct buf members = {0};
	struct slice trace = trace_id(request->trace);
	char peer[PEER_MAX_TEXT];

	if (log_has_members(access->log))
		add_members(request, us, &members);
	peer_text(request->connection->peer, peer);
	log_write_members(access->log, LOG_LEVEL_INFO, buf_slice(&members),
		"http: %.*s %s %d %lld.%03lld ms, %s, by %s, request %s%s%.*s",
		(int)(request->head.method.n < 16 ? request->head.method.n : 16),
		request->head.method.p, route ? route->path : "(no route)", request->status,
		(long long)(us / 1000), (long long)(us % 1000), peer,
		who && who->name ? who->name : "-", request->id, trace.n ? ", trace " : "",
		(int)trace.n, trace.p);
	buf_release(&members);
}

/* A key that does not exist is a normal answer of a cache. */
static bool has_failed(const struct request *request)
{
	return request->status >= 400 && request->error != ERR_NO_VALUE;
}

void access_log_request(struct access_log *access, const struct request *request)
{
	size_t row = request->match.route ? request->match.index : access->count;
	int64_t us = (clock_mono_ns() - request->began_ns) / 1000;

	access->fresh[row * max_codes + code_slot(access, request->status)]++;
	/* How long a stream lasts is its client's choice. */
	if (!request->streams)
		metric_observe_us(access->metrics, METRIC_HTTP_DURATION, NULL, us);
	log_debug_as(access->log, request->id, "http: %s: %d after %lld us",
		request->disowned ? "client disconnected" : "answered", request->status,
		(long long)us);
	if (request->conf->log.access == ACCESS_ALL ||
		(request->conf->log.access == ACCESS_ERRORS && has_failed(request)))
		log_request(access, request, us);
}

static void publish_row(struct access_log *access, size_t row)
{
	const char *path = row < access->count ? access->routes[row].path : "none";

	for (size_t i = 0; i < access->code_count; i++) {
		uint64_t *fresh = &access->fresh[row * max_codes + i];
		char code[16];

		if (*fresh == 0)
			continue;
		snprintf(code, sizeof code, "%d", access->codes[i]);
		metric_add(access->metrics, METRIC_HTTP_REQUESTS, path, code, *fresh);
		*fresh = 0;
	}
}

void access_log_publish(struct access_log *access, size_t connections)
{
	for (size_t row = 0; row <= access->count; row++)
		publish_row(access, row);
	metric_set(access->metrics, METRIC_HTTP_CONNECTIONS, NULL, NULL, (double)connections);
}
