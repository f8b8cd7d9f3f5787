/* SPDX-License-Identifier: MIT */
/*
 * What is counted and logged of each answered request.
 *
 * Special: counting is two array steps; names and texts are made when somebody asks for metrics. In
 * the log a request is its route's row, never its target, which may hold keys.
 */
#include <stdio.h>

#include "base/clock.h"
#include "base/mem.h"
#include "http/private.h"
#include "text/json.h"

/* Different statuses that are told apart; any further one is counted with the last. */
enum { max_codes = 32, max_status = 600 };

struct account {
	const struct route *routes;
	size_t count;
	struct metrics *metrics;
	struct log *log;
	int codes[max_codes];
	size_t code_count;
	uint8_t slots[max_status]; /* 1 + the index in codes */
	uint64_t *fresh;	   /* [route or count for none][code], not yet published */
};

struct account *account_new(
	const struct route *routes, size_t count, struct metrics *metrics, struct log *log)
{
	struct account *account = mem_new(struct account);

	account->routes = routes;
	account->count = count;
	account->metrics = metrics;
	account->log = log;
	account->fresh = mem_array((count + 1) * max_codes, sizeof *account->fresh);
	return account;
}

void account_free(struct account *account)
{
	if (!account)
		return;
	mem_free(account->fresh);
	mem_free(account);
}

static size_t code_slot(struct account *account, int status)
{
	uint8_t *slot = &account->slots[status > 0 && status < max_status ? status : 0];

	if (*slot == 0 && account->code_count < max_codes) {
		account->codes[account->code_count++] = status;
		*slot = (uint8_t)account->code_count;
	}
	return *slot ? *slot - 1u : max_codes - 1;
}

/* What a program that reads JSON lines wants of a request, each by its name. */
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
	buf_str(out, ",\"token\":");
	if (who && request->auth.token)
		json_quote(out, slice_str(who->name));
	else
		buf_str(out, "null");
}

static void log_request(struct account *account, const struct request *request, int64_t us)
{
	const struct route *route = request->match.route;
	const struct identity *who = request->auth.identity;
	struct buf members = {0};
	char peer[PEER_MAX_TEXT];

	if (log_has_members(account->log))
		add_members(request, us, &members);
	peer_text(request->connection->peer, peer);
	log_write_members(account->log, LOG_LEVEL_INFO, buf_slice(&members),
		"http: %.*s %s %d %lld.%03lld ms, %s, by %s, request %s",
		(int)(request->head.method.n < 16 ? request->head.method.n : 16),
		request->head.method.p, route ? route->path : "(no route)", request->status,
		(long long)(us / 1000), (long long)(us % 1000), peer,
		who && who->name ? who->name : "nobody", request->id);
	buf_release(&members);
}

/* A key that is not there is an answer, as it is of any cache. */
static bool has_failed(const struct request *request)
{
	return request->status >= 400 && request->error != ERR_NO_VALUE;
}

void account_request(struct account *account, const struct request *request)
{
	size_t row = request->match.route ? request->match.index : account->count;
	int64_t us = (clock_mono_ns() - request->began_ns) / 1000;

	account->fresh[row * max_codes + code_slot(account, request->status)]++;
	metric_observe_us(account->metrics, METRIC_HTTP_DURATION, NULL, us);
	log_debug_as(account->log, request->id, "http: %s: %d after %lld us",
		request->left ? "its client has hung up" : "answered", request->status,
		(long long)us);
	if (request->conf->log.access == ACCESS_ALL ||
		(request->conf->log.access == ACCESS_ERRORS && has_failed(request)))
		log_request(account, request, us);
}

static void publish_row(struct account *account, size_t row)
{
	const char *path = row < account->count ? account->routes[row].path : "none";

	for (size_t i = 0; i < account->code_count; i++) {
		uint64_t *fresh = &account->fresh[row * max_codes + i];
		char code[16];

		if (*fresh == 0)
			continue;
		snprintf(code, sizeof code, "%d", account->codes[i]);
		metric_add(account->metrics, METRIC_HTTP_REQUESTS, path, code, *fresh);
		*fresh = 0;
	}
}

void account_publish(struct account *account, size_t connections)
{
	for (size_t row = 0; row <= account->count; row++)
		publish_row(account, row);
	metric_set(account->metrics, METRIC_HTTP_CONNECTIONS, NULL, NULL, (double)connections);
}
