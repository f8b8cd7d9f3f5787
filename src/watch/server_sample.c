/* SPDX-License-Identifier: MIT */
/* Comparing two INFO of one server; see server_sample.h. */
#include "watch/server_sample.h"

#include <stdio.h>
#include <string.h>

void server_sample_init(struct server_sample *server, struct redis_node *node)
{
	*server = (struct server_sample){.node = redis_node_ref(node), .hits = -1, .misses = -1};
	redis_info_parse(slice_of("", 0), 0, &server->info);
}

void server_sample_release(struct server_sample *server)
{
	redis_info_release(&server->info);
	redis_node_unref(server->node);
}

/* The database lost half of its keys, and not by expiry; see sampler.h. */
static bool was_flushed(const struct server_sample *server, const struct redis_info *now)
{
	bool other_process = strcmp(server->whole.run_id, now->run_id) != 0;
	bool flush_command = now->flush_calls > server->whole.flush_calls;

	return server->whole.keys > 0 && now->keys <= server->whole.keys / 2 &&
	       (other_process || flush_command);
}

/* While it loads its data it has a part of its keys. */
static void take_keys(struct server_sample *server, const struct redis_info *now)
{
	if (now->loading > 0)
		return;
	if (*server->whole.run_id && was_flushed(server, now))
		server->flushed = true;
	snprintf(server->whole.run_id, sizeof server->whole.run_id, "%s", now->run_id);
	server->whole.keys = now->keys;
	server->whole.flush_calls = now->flush_calls;
}

/* The server's counters were reset: by a restart or CONFIG RESETSTAT. */
static bool counts_reset(const struct redis_info *before, const struct redis_info *now)
{
	return strcmp(before->run_id, now->run_id) != 0 ||
	       now->commands_processed < before->commands_processed;
}

/* The replies of our own lookups on other connections may be newer than the INFO. */
static int64_t less_own(int64_t counted, int64_t own)
{
	if (counted < 0)
		return -1;
	return counted > own ? counted - own : 0;
}

static int64_t growth(int64_t before, int64_t now)
{
	return before >= 0 && now > before ? now - before : 0;
}

/*
 * Below 0 where an INFO had lookups of our own whose replies came after it: what was counted too
 * much then is taken back.
 */
static int64_t change(int64_t before, int64_t now)
{
	return before >= 0 && now >= 0 ? now - before : 0;
}

/* Our own lookups are subtracted, so that the rates are the applications'. */
static void take_lookups(struct server_sample *server, const struct server_answer *answer)
{
	bool compares = server->known && !server->restarted;

	if (server->restarted) {
		server->own_hits_before = answer->own_hits;
		server->own_misses_before = answer->own_misses;
	}
	int64_t hits = less_own(answer->info.hits, answer->own_hits - server->own_hits_before);
	int64_t misses =
		less_own(answer->info.misses, answer->own_misses - server->own_misses_before);

	server->hits_grown = compares ? change(server->hits, hits) : 0;
	server->misses_grown = compares ? change(server->misses, misses) : 0;
	server->hits = hits;
	server->misses = misses;
}

void server_sample_take(struct server_sample *server, const struct server_answer *answer)
{
	const struct redis_info *before = &server->info, *now = &answer->info;

	server->restarted = server->known && counts_reset(before, now);
	take_keys(server, now);
	take_lookups(server, answer);
	bool compares = server->known && !server->restarted;

	server->commands_grown =
		compares ? growth(before->commands_processed, now->commands_processed) : 0;
	server->expired_grown = compares ? growth(before->expired_keys, now->expired_keys) : 0;
	server->evicted_grown = compares ? growth(before->evicted_keys, now->evicted_keys) : 0;
	server->took_us = answer->took_us;
	redis_info_release(&server->info);
	server->info = *now;
	server->known = server->answered = true;
}
