/* SPDX-License-Identifier: MIT */
/*
 * The pacer: one fiber measures the latency that other clients see, and adapts the page.
 *
 *	PINGs are slower than the target -> half the page; at the smallest page: a longer pause
 *	PINGs are quick                  -> a shorter pause; without one: a slightly larger page
 *
 * Special: it uses the median of a few PINGs. Bulk work delays most of them, because one of its
 * commands is nearly always running; a delay of a single one is noise of the machine, which a
 * smaller page would not reduce. The target is well below the limit, because the unluckiest client
 * waits for a whole command and not, as the median does, for half of one.
 */
#include "redis/pacer.h"

#include <stdlib.h>

#include "base/mem.h"

enum {
	min_page = 10,
	page_first = 100,
	max_page = 500, /* above, SCAN's keys have left the processor's cache before UNLINK */
	page_step = 10,
	max_pause_ms = 100,
	probe_every_ms = 2,
	probe_deadline_ms = 1000,
	kept = 15,
	judged = 5, /* of them, for a decision */
};

static const double target = 0.4, quick = 0.3; /* of the limit */

struct redis_pacer {
	unsigned refs; /* the owner's and the probe's */
	struct redis_node *node;
	struct fiber_group *group;
	struct fiber *probe; /* NULL while none runs */
	bool ended;
	double limit_us; /* 0 = unpaced */
	size_t page;
	int64_t pause_ms;
	size_t fresh; /* probes since the page was last made smaller */
	int64_t latencies[kept];
	size_t measured;
};

static void unref(struct redis_pacer *pacer)
{
	if (--pacer->refs > 0)
		return;
	redis_node_unref(pacer->node);
	mem_free(pacer);
}

static void slow_down(struct redis_pacer *pacer)
{
	pacer->fresh = 0;
	if (pacer->page > min_page) {
		pacer->page = pacer->page / 2 > min_page ? pacer->page / 2 : min_page;
	} else {
		pacer->pause_ms = pacer->pause_ms ? pacer->pause_ms * 2 : 1;
		if (pacer->pause_ms > max_pause_ms)
			pacer->pause_ms = max_pause_ms;
	}
}

static void speed_up(struct redis_pacer *pacer)
{
	if (pacer->pause_ms)
		pacer->pause_ms /= 2;
	else if (pacer->page < max_page)
		pacer->page += page_step;
}

static int by_value(const void *a, const void *b)
{
	int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;

	return (left > right) - (left < right);
}

/* Of the last `n` probes. */
static int64_t median(const struct redis_pacer *pacer, size_t n)
{
	int64_t sorted[kept];

	for (size_t i = 0; i < n; i++)
		sorted[i] = pacer->latencies[(pacer->measured - 1 - i) % kept];
	qsort(sorted, n, sizeof *sorted, by_value);
	return sorted[n / 2];
}

static void learn(struct redis_pacer *pacer, int64_t us)
{
	struct metrics *metrics = redis_node_metrics(pacer->node);

	pacer->latencies[pacer->measured++ % kept] = us;
	if (metrics)
		metric_observe_us(metrics, METRIC_REDIS_LATENCY, NULL, us);
	if (++pacer->fresh < judged)
		return;
	double typical = (double)median(pacer, judged);

	if (typical > pacer->limit_us * target)
		slow_down(pacer);
	else if (typical < pacer->limit_us * quick)
		speed_up(pacer);
}

static void probe(void *argument)
{
	struct redis_pacer *pacer = argument;
	struct redis_batch *ping = redis_batch_new();
	enum error error = OK;

	REDIS_ADD(ping, SLICE("PING"));
	while (!pacer->ended && error != ERR_CANCELLED) {
		error = redis_node_run(
			pacer->node, REDIS_COMMANDS, ping, clock_deadline(probe_deadline_ms), NULL);
		if (pacer->ended || error == ERR_CANCELLED)
			break;
		if (error == OK)
			learn(pacer, redis_batch_took_us(ping));
		else
			slow_down(pacer);
		redis_batch_clear(ping);
		REDIS_ADD(ping, SLICE("PING"));
		error = fiber_sleep(probe_every_ms);
	}
	redis_batch_free(ping);
	pacer->probe = NULL;
	unref(pacer);
}

static void set_limit(struct redis_pacer *pacer, double max_latency_ms)
{
	pacer->limit_us = max_latency_ms * 1000;
	if (pacer->limit_us <= 0 || pacer->probe)
		return;
	pacer->page = page_first;
	pacer->refs++;
	pacer->probe = fiber_spawn(pacer->group, "pacer's probe", probe, pacer);
}

struct redis_pacer *redis_pacer_new(
	struct redis_node *node, double max_latency_ms, struct fiber_group *group)
{
	struct redis_pacer *pacer = mem_new(struct redis_pacer);

	pacer->refs = 1;
	pacer->node = redis_node_ref(node);
	pacer->group = group;
	pacer->page = max_page;
	set_limit(pacer, max_latency_ms);
	return pacer;
}

void redis_pacer_free(struct redis_pacer *pacer)
{
	if (!pacer)
		return;
	pacer->ended = true;
	if (pacer->probe)
		fiber_cancel(pacer->probe);
	unref(pacer);
}

size_t redis_pacer_page(const struct redis_pacer *pacer)
{
	return pacer->page;
}

enum error redis_pacer_pause(struct redis_pacer *pacer)
{
	if (pacer->pause_ms)
		return fiber_sleep(pacer->pause_ms);
	return fiber_cancelled() ? ERR_CANCELLED : OK;
}

void redis_pacer_limit(struct redis_pacer *pacer, double max_latency_ms)
{
	if (max_latency_ms <= 0)
		return;
	if (pacer->limit_us <= 0 || max_latency_ms * 1000 < pacer->limit_us)
		set_limit(pacer, max_latency_ms);
}

int64_t redis_pacer_latency_us(const struct redis_pacer *pacer)
{
	size_t n = pacer->measured < kept ? pacer->measured : kept;

	return n ? median(pacer, n) : 0;
}

struct redis_pacers {
	double max_latency_ms;
	struct fiber_group *group;
	struct redis_pacer **each;
	size_t count, room;
};

struct redis_pacers *redis_pacers_new(struct redis_node *const *nodes, size_t count,
	double max_latency_ms, struct fiber_group *group)
{
	struct redis_pacers *pacers = mem_new(struct redis_pacers);

	pacers->max_latency_ms = max_latency_ms;
	pacers->group = group;
	for (size_t i = 0; i < count; i++)
		redis_pacers_add(pacers, nodes[i]);
	return pacers;
}

void redis_pacers_free(struct redis_pacers *pacers)
{
	if (!pacers)
		return;
	for (size_t i = 0; i < pacers->count; i++)
		redis_pacer_free(pacers->each[i]);
	mem_free(pacers->each);
	mem_free(pacers);
}

static void drop_retired(struct redis_pacers *pacers)
{
	size_t kept_count = 0;

	for (size_t i = 0; i < pacers->count; i++)
		if (redis_node_retired(pacers->each[i]->node))
			redis_pacer_free(pacers->each[i]);
		else
			pacers->each[kept_count++] = pacers->each[i];
	pacers->count = kept_count;
}

void redis_pacers_add(struct redis_pacers *pacers, struct redis_node *node)
{
	for (size_t i = 0; i < pacers->count; i++)
		if (pacers->each[i]->node == node)
			return;
	drop_retired(pacers);
	if (pacers->count == pacers->room) {
		pacers->room = pacers->room ? 2 * pacers->room : 4;
		pacers->each = mem_realloc(pacers->each, pacers->room * sizeof *pacers->each);
	}
	pacers->each[pacers->count++] =
		redis_pacer_new(node, pacers->max_latency_ms, pacers->group);
}

/* The one that slows down most; NULL if all servers have left. */
static struct redis_pacer *slowest(const struct redis_pacers *pacers)
{
	struct redis_pacer *ret = NULL;

	for (size_t i = 0; i < pacers->count; i++) {
		struct redis_pacer *at = pacers->each[i];

		if (redis_node_retired(at->node))
			continue;
		if (!ret || at->page < ret->page ||
			(at->page == ret->page && at->pause_ms > ret->pause_ms))
			ret = at;
	}
	return ret;
}

size_t redis_pacers_page(const struct redis_pacers *pacers)
{
	const struct redis_pacer *pacer = slowest(pacers);

	return pacer ? redis_pacer_page(pacer) : page_first;
}

enum error redis_pacers_pause(const struct redis_pacers *pacers)
{
	struct redis_pacer *pacer = slowest(pacers);

	if (pacer)
		return redis_pacer_pause(pacer);
	return fiber_cancelled() ? ERR_CANCELLED : OK;
}
