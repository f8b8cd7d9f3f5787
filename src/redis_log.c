/* SPDX-License-Identifier: MIT */
/*
 * What the log says of Redis: when it goes, why, and for how long; when it comes to be no primary;
 * which commands it denies. Each once.
 */
#include "base/mem.h"
#include "daemon_internal.h"

static double seconds_since(int64_t mono_ms)
{
	return (double)(clock_mono_ms() - mono_ms) / 1000;
}

static void tell_loss(struct daemon *d, const struct redis_state *state)
{
	struct log *log = d->app.log;

	switch (state->status) {
	case REDIS_UP:
		break;
	case REDIS_DOWN:
		log_warning(log, "redis is down: %s", state->last_error.detail);
		break;
	case REDIS_IS_LOADING:
	case REDIS_IS_BUSY:
		log_warning(log, "redis is %s: %s", redis_node_status_name(state->status),
			state->last_error.detail);
		break;
	}
	d->told.down_said = true;
}

/* Before the first attempt has failed there is nothing to say; a refused password is a news of its
 * own. */
static void tell_status(struct daemon *d, const struct redis_state *state)
{
	enum error reason = state->last_error.error;
	bool auth = reason == ERR_REDIS_AUTH, auth_told = d->told.reason == ERR_REDIS_AUTH;

	if (state->status == REDIS_UP) {
		if (d->told.down_said && d->redis_seen)
			log_info(d->app.log, "redis is up again after %.1f s",
				seconds_since(d->told.since_mono_ms));
		d->told.down_said = false;
	} else if (reason &&
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
	/* What is down for that has been told already. */
	if (unfit && state->status == REDIS_UP)
		log_error(d->app.log, "%s", state->unfit.detail);
	if (unfit)
		d->told.unfit_mono_ms = clock_mono_ms();
	else
		log_info(d->app.log, "redis takes writes again after %.1f s",
			seconds_since(d->told.unfit_mono_ms));
	d->told.unfit = unfit;
}

static void tell_lacks(struct daemon *d, const struct redis_state *state)
{
	struct redis_node *const *nodes;

	redis_store_primaries(d->store, &nodes);
	for (unsigned i = 0; i < 64; i++) {
		bool lacks = state->lacks >> i & 1, told = d->told.lacks >> i & 1;
		struct buf text = {0};

		if (lacks && !told) {
			redis_node_lack(nodes[0], i, &text);
			log_warning(d->app.log, "%.*s", (int)text.n, text.p);
		}
		buf_release(&text);
	}
	if (d->told.lacks && !state->lacks)
		log_info(d->app.log, "redis allows all commands again");
	d->told.lacks = state->lacks;
}

void redis_log_state(struct daemon *d)
{
	if (!d->store)
		return;
	struct redis_state state = redis_store_state(d->store);

	tell_status(d, &state);
	tell_kind(d, &state);
	tell_lacks(d, &state);
}
