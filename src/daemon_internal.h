/* SPDX-License-Identifier: MIT */
/* What daemon.c and reloading.c share: the daemon's state. */
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
	struct redis_store *store;
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
		int64_t since_mono_ms, unfit_mono_ms;
		bool down_said;
	} told;		      /* what the log says of Redis */
	uint64_t log_dropped; /* what the metric has counted */
	int exit_code;
};

/* Redis's state may have changed: says so in the log, once for each change. */
void redis_log_state(struct daemon *d);

/* Joins the parts to app.reload and watches the tokens file. */
void reloading_start(struct daemon *d);
/* Closes what start opened. */
void reloading_stop(struct daemon *d);
/* Exchanges the configuration because somebody asked, and tells the service manager. */
void reloading_run(struct daemon *d);
/* What follows from a configuration outside of the parts: log level, metrics. */
void reloading_put_in_force(struct daemon *d, struct conf *conf);

#endif
