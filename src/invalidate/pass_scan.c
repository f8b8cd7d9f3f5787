/* SPDX-License-Identifier: MIT */
/*
 * The scan of a pass, between two snapshots of the servers, and once more where the connection was
 * lost. Its pages: pass_page.c.
 */
#include "base/mem.h"
#include "invalidate/pass_internal.h"
#include "text/glob.h"

enum {
	scans_max = 2,
	server_stars_max = 2,
};

bool pass_empty(const struct pass *pass)
{
	for (size_t i = 0; i < pass->member_count; i++)
		if (pass->members[i])
			return false;
	return true;
}

static size_t stars(struct slice glob)
{
	size_t count = 0;

	for (size_t i = 0; i < glob.n; i++)
		count += glob.p[i] == '*';
	return count;
}

static void shorten(struct slice *common, struct slice other)
{
	size_t same = 0;

	while (same < common->n && same < other.n && common->p[same] == other.p[same])
		same++;
	common->n = same;
}

/*
 * What the server filters by: the one pattern, or that with which all of them begin. Patterns of
 * many stars stay here, because older servers go back and forth in them without end.
 */
void pass_filter(const struct pass *pass, struct buf *out)
{
	const struct pattern *only = NULL;
	struct slice common = {0};
	size_t count = 0;

	for (size_t i = 0; i < pass->member_count; i++) {
		const struct pass_request *member = pass->members[i];

		for (size_t j = 0; member && j < member->pattern_count; j++) {
			only = &member->patterns[j].pattern;
			if (count++ == 0)
				common = only->head;
			else
				shorten(&common, only->head);
		}
	}
	if (count == 1 && stars(only->glob) <= server_stars_max) {
		buf_add(out, only->glob);
	} else if (common.n) {
		glob_escape(common, out);
		buf_char(out, '*');
	}
}

double pass_pace(const struct pass *pass)
{
	double least = 0;

	for (size_t i = 0; i < pass->member_count; i++) {
		double wish = pass->members[i] ? pass->members[i]->max_latency_ms : 0;

		if (wish > 0 && (least <= 0 || wish < least))
			least = wish;
	}
	return least;
}

/* What would be changed is met again. */
static void forget_looks(struct pass_request *member)
{
	member->modified = 0;
	for (size_t i = 0; i < member->counter_count; i++)
		member->counters[i].invalidated = 0;
}

void pass_begin_scan(struct pass *pass, const struct scan_snapshot *before)
{
	struct cache *cache = pass->owner->cache;

	pass->keys = scan_snapshot_keys(before);
	pass->primaries = scan_snapshot_servers(before);
	mem_free(pass->seen);
	pass->seen = mem_zalloc(pass->primaries * sizeof *pass->seen);
	pass->owner->total++;
	if (cache->metrics)
		metric_add(cache->metrics, METRIC_INVALIDATE_PASSES, NULL, NULL, 1);
	for (size_t i = 0; i < pass->member_count; i++) {
		struct pass_request *member = pass->members[i];

		if (!member)
			continue;
		member->in_flight = 0;
		member->scans++;
		if (member->leaving)
			continue;
		if (removal_only_looks(&member->effect))
			forget_looks(member);
		member->matched = member->invalidated;
		for (size_t j = 0; j < member->counter_count; j++)
			member->counters[j].matched = member->counters[j].invalidated;
		member->protected_skipped = 0;
		member->overflowed = false;
		buf_clear(&member->held);
	}
}

void pass_set_ends(struct pass *pass, enum pass_end end)
{
	for (size_t i = 0; i < pass->member_count; i++)
		if (pass->members[i] && !pass->members[i]->leaving)
			pass->members[i]->end = end;
}

/* One scan between two snapshots of the servers. Parks. */
static enum error scan_once(struct pass *pass, struct fault *fault)
{
	struct cache *cache = pass->owner->cache;
	struct scan_snapshot *before = NULL, *after = NULL;
	struct scan_handler handler = pass_page_handler;
	struct buf match = {0};

	enum error error = scan_snapshot_take(cache, &before, fault);
	if (error)
		return error;
	pass_begin_scan(pass, before);
	pass_filter(pass, &match);
	log_debug(cache->log, "scans %lld keys, filter \"%.*s\"",
		(long long)scan_snapshot_keys(before), LOG_KEY(buf_slice(&match)));
	handler.context = pass;
	error = scan_run(
		&(struct scan_spec){cache, buf_slice(&match), pass_pace(pass), &handler}, fault);
	buf_release(&match);
	if (!error)
		error = pass_remove_held(pass, fault);
	if (!error && !pass_empty(pass))
		error = scan_snapshot_take(cache, &after, fault);
	if (after)
		pass_set_ends(pass, scan_snapshot_equal(before, after) ? PASS_ALL : PASS_CHANGED);
	scan_snapshot_free(before);
	scan_snapshot_free(after);
	return error;
}

static bool nobody_waits(const void *context)
{
	return pass_empty(context);
}

enum error pass_scan(struct pass *pass, struct fault *fault)
{
	struct cache *cache = pass->owner->cache;
	enum error error = OK;

	if (!store_is_one(cache->store))
		return pass_scan_cluster(pass, fault);
	for (int scan = 0; scan < scans_max; scan++) {
		struct slice command = store_unlink(cache->store);

		do
			error = scan_once(pass, fault);
		while (removal_try_again(cache, error, &command));
		if (error_redis(error) != ERROR_REDIS_NO_ANSWER || pass_empty(pass))
			break;
		log_debug(cache->log, "%s: %s",
			scan + 1 < scans_max ? "scans again once Redis answers" : "gives up",
			fault->detail);
		if (scan + 1 < scans_max &&
			cache_await_redis(cache, nobody_waits, pass) == ERR_CANCELLED)
			return ERR_CANCELLED;
	}
	return error;
}
