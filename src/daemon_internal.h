/* SPDX-License-Identifier: MIT */
/* The daemon's state, which the files of src/ share. */
#ifndef CW_DAEMON_INTERNAL_H
#define CW_DAEMON_INTERNAL_H

#include <uv.h>

#include "api/app.h"
#include "orphans.h"
#include "ready_file.h"
#include "redis/managed.h"
#include "tokens_watch.h"

struct daemon {
	struct app app;
	const char *config_path;
	struct ready_file ready_file;
	struct conf *conf; /* at the start; app.reload holds the one in force */
	struct conf_redis redis;
	struct redis_managed *managed;
	struct store *store;
	struct fiber_group group;
	struct fiber *fiber;
	struct event_subscription *redis_state;
	uv_signal_t sigterm, sigint, sighup, sigusr1;
	uv_timer_t watchdog;
	struct orphans orphans;
	struct tokens_watch *tokens_watch;
	bool stop_asked, reload_asked;
	bool redis_seen; /* usable once: layout checked, startup jobs fired */
	struct {
		enum redis_status status;
		enum error reason, unfit;
		uint64_t lacks;
		uint64_t sentinels; /* a bit for each that is of no use */
		int64_t since_mono_ms, unfit_mono_ms, stalled_mono_ms, slots_mono_ms;
		unsigned slots_away;
		bool down_said, stalled;
	} told;		      /* what was logged last about Redis */
	uint64_t log_dropped; /* what the metric has counted */
	int exit_code;
};

/* Wakes the daemon's fiber, which looks at what was asked and what has changed. */
void daemon_wake(struct daemon *d);

/* SIGTERM and SIGINT stop, SIGHUP reloads, SIGUSR1 logs the state; orphans are reaped. */
void signals_start(struct daemon *d);
void signals_stop(struct daemon *d);

/* Logs what has changed of Redis's state since the last call. */
void redis_watch_log(struct daemon *d);
/* Whether Redis can be used and redis_watch_meet() has not succeeded yet. */
bool redis_watch_due(const struct daemon *d);
/*
 * Checks the layout of our keys; the first time that it is known, starts what needs Redis: startup
 * jobs and the pruner. A newer layout stops the daemon. Parks.
 */
void redis_watch_meet(struct daemon *d);

/* Joins the parts to app.reload, puts the first configuration in force and watches the tokens. */
enum error reloading_start(struct daemon *d, struct fault *fault);
void reloading_stop(struct daemon *d);
/* Reloads, and tells the service manager. Parks. */
void reloading_run(struct daemon *d);

#endif
