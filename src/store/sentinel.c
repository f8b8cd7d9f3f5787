/* SPDX-License-Identifier: MIT */
/* The fiber that follows the primary: looks, judges, waits; see sentinel.h. */
#include "store/sentinel.h"

#include <string.h>

#include "base/mem.h"
#include "base/random.h"
#include "store/sentinel_internal.h"

enum {
	look_ms = 1500, /* for the first usable answer */
	grace_ms = 200, /* for further answers behind it */
	min_pause_ms = 50,
	max_pause_ms = 500,
	differ_ms = 3000,
};

void sentinel_wake(struct sentinel *sentinel)
{
	sentinel->woken = true;
	fiber_cond_signal(&sentinel->wake);
}

static bool serves(const struct sentinel *sentinel)
{
	struct redis_state state = redis_node_state(sentinel->primary);

	return sentinel->current.host[0] && state.status != REDIS_DOWN && !state.unfit.error;
}

void sentinel_look(struct sentinel *sentinel)
{
	if (!serves(sentinel))
		sentinel_wake(sentinel);
}

void sentinel_use(struct sentinel *sentinel, const struct sentinel_answer *answer)
{
	bool moves = !sentinel_answer_equal(&sentinel->current, answer);

	if (!moves) {
		if (answer->epoch > sentinel->epoch)
			sentinel->epoch = answer->epoch;
		return;
	}
	sentinel->epoch = answer->epoch;
	sentinel->current = *answer;
	sentinel->turns++;
	sentinel->switched_at_ms = clock_mono_ms();
	sentinel->failed_rounds = 0;
	log_debug(sentinel->node_options.log, "redis: the primary of %s is %s:%u, epoch %lld",
		sentinel->master, answer->host, (unsigned)answer->port, (long long)answer->epoch);
	redis_node_readdress(sentinel->primary, answer->host, answer->port);
}

void sentinel_switched(struct sentinel *sentinel, const struct sentinel_answer *before,
	const struct sentinel_answer *now)
{
	struct sentinel_answer next = *now;

	/* A message about an earlier server may have waited for long: the answers decide. */
	if (sentinel_answer_equal(before, &sentinel->current)) {
		next.epoch = sentinel->epoch + 1;
		sentinel_use(sentinel, &next);
	}
	sentinel_wake(sentinel);
}

/* A look: every sentinel is asked ------------------------------------------------------------- */

static bool all_answered(const struct sentinel *sentinel, bool *ret_any)
{
	bool all = true;

	*ret_any = false;
	for (size_t i = 0; i < sentinel->count; i++) {
		const struct sentinel_peer *peer = &sentinel->peers[i];

		all = all && peer->answered;
		*ret_any = *ret_any || (peer->answered && peer->answer.host[0]);
	}
	return all;
}

/* Asks all, and waits until there are enough answers. Parks. */
static enum error ask_all(struct sentinel *sentinel)
{
	int64_t deadline = clock_deadline(look_ms);
	enum error error = OK;
	bool any, had = false;

	for (size_t i = 0; i < sentinel->count; i++)
		sentinel_peer_ask(&sentinel->peers[i]);
	while (!all_answered(sentinel, &any) && error != ERR_CANCELLED) {
		if (any && !had && clock_deadline(grace_ms) < deadline)
			deadline = clock_deadline(grace_ms);
		had = any;
		error = fiber_cond_wait(&sentinel->answered, "answers of sentinels", deadline);
		if (error == ERR_TIMEOUT)
			return OK;
	}
	return error;
}

/* What is seen of them
 * ----------------------------------------------------------------------------- */

/* The answer of a sentinel that does not agree with what is used: not just for a failover's time.
 */
static void differ(const struct sentinel_peer *peer, struct fault *ret)
{
	const struct sentinel_answer *answer = &peer->answer;
	bool reason = peer->named.error != OK;

	if (peer->differs_since_ms &&
		(reason || clock_mono_ms() - peer->differs_since_ms > differ_ms))
		fault_set(ret, ERR_REDIS_UNAVAILABLE,
			"the sentinel at %s names the primary %s:%u, which is not used%s%.300s",
			peer->address, answer->host, (unsigned)answer->port, reason ? ": " : "",
			reason ? peer->named.detail : "");
}

/* After a judgement. */
static void note_differences(struct sentinel *sentinel)
{
	for (size_t i = 0; i < sentinel->count; i++) {
		struct sentinel_peer *peer = &sentinel->peers[i];
		bool differs = peer->answer.host[0] &&
			       !sentinel_answer_equal(&peer->answer, &sentinel->current);

		if (!differs)
			peer->differs_since_ms = 0;
		else if (!peer->differs_since_ms)
			peer->differs_since_ms = clock_mono_ms();
	}
}

void sentinel_view(const struct sentinel *sentinel, size_t i, struct sentinel_view *ret)
{
	const struct sentinel_peer *peer = &sentinel->peers[i];

	*ret = (struct sentinel_view){.address = peer->address, .fault = peer->fault};
	if (!ret->fault.error)
		ret->fault = peer->subscription.fault;
	if (!ret->fault.error)
		differ(peer, &ret->fault);
}

/* Publishes an event if it changed whether a sentinel is of use. */
static void tell_changes(struct sentinel *sentinel)
{
	bool changed = false;

	note_differences(sentinel);
	for (size_t i = 0; i < sentinel->count; i++) {
		struct sentinel_view view;

		sentinel_view(sentinel, i, &view);
		changed = changed || sentinel->peers[i].told != (view.fault.error != OK);
		sentinel->peers[i].told = view.fault.error != OK;
	}
	if (changed && sentinel->node_options.bus)
		event_publish(sentinel->node_options.bus, EVENT_REDIS_STATE, NULL);
}

void sentinel_await(struct sentinel *sentinel, int64_t deadline)
{
	bool known = false;
	enum error error = OK;

	while (!known && !error) {
		known = true;
		for (size_t i = 0; i < sentinel->count; i++)
			known = known && sentinel->peers[i].known;
		if (!known)
			error = fiber_cond_wait(&sentinel->answered, "all sentinels", deadline);
	}
}

/* The fiber ---------------------------------------------------------------------------------------
 */

static int64_t pause_ms(struct sentinel *sentinel)
{
	double share = random_unit(&sentinel->random);
	int64_t bound = min_pause_ms << (sentinel->failed_rounds < 8 ? sentinel->failed_rounds : 8);

	if (serves(sentinel)) {
		sentinel->failed_rounds = 0;
		return (int64_t)((double)sentinel->conf->topology_refresh_ms * (0.9 + 0.2 * share));
	}
	sentinel->failed_rounds++;
	bound = bound < max_pause_ms ? bound : max_pause_ms;
	return min_pause_ms + (int64_t)(share * (double)bound);
}

/* Until the next look is due. Parks. */
static enum error rest(struct sentinel *sentinel)
{
	int64_t deadline = clock_deadline(pause_ms(sentinel));
	enum error error = OK;

	while (!sentinel->woken && !error)
		error = fiber_cond_wait(
			&sentinel->wake, "the next look at the sentinels", deadline);
	if (error == ERR_CANCELLED)
		return error;
	return sentinel->asked_at_ms + min_pause_ms > clock_mono_ms() ? fiber_sleep(min_pause_ms)
								      : OK;
}

static void follow(void *argument)
{
	struct sentinel *sentinel = argument;
	enum error error = OK;

	while (error != ERR_CANCELLED) {
		sentinel->woken = false;
		sentinel->asked_at_ms = clock_mono_ms();
		uint64_t turns = sentinel->turns;

		error = ask_all(sentinel);
		/* Answers from before a message are of no use; it has woken us. */
		if (error != ERR_CANCELLED && turns == sentinel->turns)
			error = sentinel_judge(sentinel);
		tell_changes(sentinel);
		if (error != ERR_CANCELLED)
			error = rest(sentinel);
	}
}

struct sentinel *sentinel_new(const struct sentinel_options *options)
{
	struct sentinel *sentinel = mem_new(struct sentinel);
	const struct conf_redis *conf = options->node->conf;

	sentinel->loop = options->node->loop;
	sentinel->node_options = *options->node;
	sentinel->conf = conf;
	sentinel->primary = options->primary;
	sentinel->master = mem_strdup(conf->master);
	sentinel->random = uv_hrtime() ^ (uint64_t)(uintptr_t)sentinel;
	fiber_group_init(&sentinel->group, "sentinels", sentinel->loop);
	sentinel->peers = mem_array(conf->seed_count, sizeof *sentinel->peers);
	sentinel->count = conf->seed_count;
	for (size_t i = 0; i < sentinel->count; i++)
		sentinel_peer_init(&sentinel->peers[i], sentinel, &conf->seeds[i]);
	fiber_spawn(&sentinel->group, "follows the primary", follow, sentinel);
	return sentinel;
}

void sentinel_free(struct sentinel *sentinel)
{
	if (!sentinel)
		return;
	fiber_group_stop(&sentinel->group);
	for (size_t i = 0; i < sentinel->count; i++)
		sentinel_peer_release(&sentinel->peers[i]);
	mem_free(sentinel->peers);
	mem_free(sentinel->master);
	mem_free(sentinel);
}

void sentinel_reconfigure(struct sentinel *sentinel, const struct conf_redis *conf)
{
	sentinel->conf = conf;
	for (size_t i = 0; i < sentinel->count; i++)
		sentinel_peer_configure(&sentinel->peers[i], conf);
	sentinel_wake(sentinel);
}

size_t sentinel_count(const struct sentinel *sentinel)
{
	return sentinel->count;
}
