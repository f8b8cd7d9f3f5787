/* SPDX-License-Identifier: MIT */
/*
 * What the daemon does when Redis's state changes: each change is logged once (it goes, why, and
 * for how long; it is not a primary; which commands it denies), and when it can be used for the
 * first time, what needs it is started.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "cache/pruner.h"
#include "daemon_internal.h"

static double seconds_since(int64_t mono_ms)
{
	return (double)(clock_mono_ms() - mono_ms) / 1000;
}

static void tell_loss(struct daemon *d, const struct redis_state *state)
{
	struct log *log = d->app.log;
	struct fault fault = state->last_error;

	fault_disclose(&fault);
	switch (state->status) {
	case REDIS_UP:
		break;
	case REDIS_DOWN:
		log_warning(log, "redis is down: %s", fault.detail);
		break;
	case REDIS_IS_LOADING:
	case REDIS_IS_BUSY:
		log_warning(log, "redis is %s: %s", redis_node_status_name(state->status),
			fault.detail);
		break;
	}
	d->told.down_said = true;
}

/* A private server that does not listen yet is not one that is down. */
static bool is_starting(const struct daemon *d)
{
	return !d->redis_seen && d->managed && redis_managed_starting(d->managed);
}

/* Nothing is logged before the first attempt has failed; a refused password is logged anew. */
static void tell_status(struct daemon *d, const struct redis_state *state)
{
	enum error reason = state->last_error.error;
	bool auth = reason == ERR_REDIS_AUTH, auth_told = d->told.reason == ERR_REDIS_AUTH;

	if (state->status == REDIS_UP) {
		if (d->told.down_said && d->redis_seen)
			log_info(d->app.log, "redis is up again after %.1f s",
				seconds_since(d->told.since_mono_ms));
		d->told.down_said = false;
	} else if (reason && !is_starting(d) &&
		   (!d->told.down_said || state->status != d->told.status || auth != auth_told)) {
		if (!d->told.down_said)
			d->told.since_mono_ms = clock_mono_ms();
		tell_loss(d, state);
		d->told.reason = reason;
	}
	d->told.status = state->status;
}

static void tell_kind(struct daemon *d, const struct redis_state *state)
{
	enum error unfit = state->unfit.error;

	if (unfit == d->told.unfit)
		return;
	/* If it is down for that reason, this was logged already. */
	if (unfit && state->status == REDIS_UP)
		log_error(d->app.log, "%s", state->unfit.detail);
	if (unfit)
		d->told.unfit_mono_ms = clock_mono_ms();
	else
		log_info(d->app.log, "redis accepts writes again after %.1f s",
			seconds_since(d->told.unfit_mono_ms));
	d->told.unfit = unfit;
}

static void tell_stall(struct daemon *d, const struct redis_state *state)
{
	bool stalled = state->status == REDIS_UP && state->stalled.error;

	if (stalled == d->told.stalled)
		return;
	if (stalled)
		log_warning(d->app.log, "%s", state->stalled.detail);
	else if (state->status == REDIS_UP)
		log_info(d->app.log, "redis takes writes again after %.1f s",
			seconds_since(d->told.stalled_mono_ms));
	if (stalled)
		d->told.stalled_mono_ms = clock_mono_ms();
	d->told.stalled = stalled;
}

static void tell_lacks(struct daemon *d, const struct redis_state *state)
{
	for (unsigned i = 0; i < 64; i++) {
		bool lacks = state->lacks >> i & 1, told = d->told.lacks >> i & 1;
		struct buf text = {0};

		if (lacks && !told) {
			redis_node_lack(store_lacking(d->store, i), i, &text);
			log_warning(d->app.log, "%.*s", (int)text.n, text.p);
		}
		buf_release(&text);
	}
	if (d->told.lacks && !state->lacks)
		log_info(d->app.log, "redis allows all commands again");
	d->told.lacks = state->lacks;
}

static void tell_sentinels(struct daemon *d)
{
	const struct sentinel *sentinel = store_sentinel(d->store);
	size_t count = sentinel ? sentinel_count(sentinel) : 0;

	for (size_t i = 0; i < count; i++) {
		uint64_t bit = UINT64_C(1) << i;
		struct sentinel_view view;

		sentinel_view(sentinel, i, &view);
		if (view.fault.error && !(d->told.sentinels & bit))
			log_warning(d->app.log, "%s", view.fault.detail);
		else if (!view.fault.error && d->told.sentinels & bit)
			log_info(d->app.log, "the sentinel at %s is of use again", view.address);
		d->told.sentinels =
			view.fault.error ? d->told.sentinels | bit : d->told.sentinels & ~bit;
	}
}

/* The slots of a cluster that cannot be used; again if there are more of them. */
static void tell_slots(struct daemon *d, const struct redis_state *state)
{
	struct buf ranges = {0};
	unsigned away = state->status == REDIS_UP ? store_away(d->store, &ranges) : 0;

	if (away > d->told.slots_away) {
		log_warning(d->app.log, "redis: %u of %d slots have no primary that answers (%s)",
			away, SLOT_COUNT, ranges.p);
		if (!d->told.slots_away)
			d->told.slots_mono_ms = clock_mono_ms();
	} else if (!away && d->told.slots_away && state->status == REDIS_UP) {
		log_info(d->app.log, "redis: all slots have a primary again after %.1f s",
			seconds_since(d->told.slots_mono_ms));
	}
	if (state->status == REDIS_UP)
		d->told.slots_away = away;
	buf_release(&ranges);
}

void redis_watch_log(struct daemon *d)
{
	if (!d->store)
		return;
	struct redis_state state = store_state(d->store);

	tell_status(d, &state);
	tell_kind(d, &state);
	tell_stall(d, &state);
	tell_lacks(d, &state);
	tell_sentinels(d);
	tell_slots(d, &state);
}

/* After a change of redis.own_prefix. */
static void tell_other_prefix(void *context, struct slice other)
{
	const struct daemon *d = context;

	log_warning(d->app.log,
		"this Redis also has cachewarden's own keys with the prefix \"%.*s\": tags, "
		"dependencies, leases and users' sessions stored there are not used with "
		"redis.own_prefix \"%s\"; restore the old prefix, or delete %.*s* if no other "
		"daemon uses it",
		(int)other.n, other.p, d->app.engine.cache.conf->redis.own_prefix, (int)other.n,
		other.p);
}

/* Whether Redis gave no answer, so that the layout is to be read again. */
static bool unanswered(enum error error)
{
	enum error_redis redis = error_redis(error);

	return redis == ERROR_REDIS_NO_ANSWER || redis == ERROR_REDIS_NOT_SERVING;
}

/* Logged once, and shown in health until it can be read. */
static void note_layout(struct daemon *d, enum error error, const struct fault *fault)
{
	struct fault *noted = &d->app.layout;

	if (error && noted->error != error)
		log_warning(d->app.log, "%s", fault->detail);
	else if (!error && noted->error)
		log_info(d->app.log, "the layout of cachewarden's keys can be read again");
	*noted = error ? *fault : (struct fault){0};
}

/* Only a newer layout stops the daemon; one that cannot be read is read again later. */
void redis_watch_meet(struct daemon *d)
{
	struct fault fault;
	enum error error = cache_check_layout(&d->app.engine.cache, &fault);

	if (error == ERR_CONFLICT) {
		log_error(d->app.log, "%s", fault.detail);
		d->exit_code = EXIT_FAILURE;
		d->stop_asked = true;
		return;
	}
	if (unanswered(error))
		return;
	note_layout(d, error, &fault);
	if (d->redis_seen)
		return;
	d->redis_seen = true;
	log_info(d->app.log, "redis is up");
	/* For information: without an answer, nothing is logged. */
	cache_note_prefix(&d->app.engine.cache, tell_other_prefix, d);
	warm_startup(d->app.warm);
	pruner_start(d->app.engine.pruner);
}

bool redis_watch_due(const struct daemon *d)
{
	struct redis_state state = store_state(d->store);

	return (!d->redis_seen || d->app.layout.error) && state.status == REDIS_UP &&
	       !state.unfit.error;
}
