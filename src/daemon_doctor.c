/* SPDX-License-Identifier: MIT */
/*
 * cachewardend --doctor: a loop and a connection to Redis, without all that serves.
 *
 *	connect -> wait for the server's first answer, or what keeps it away -> diagnosis -> JSON
 */
#include <stdio.h>
#include <stdlib.h>

#include "api/doctor.h"
#include "daemon.h"
#include "redis/password.h"

/* A server that refuses the first attempt may be about to start. */
enum { patience_ms = 1500 };

struct doctor {
	struct loop *loop;
	struct cache cache;
	struct fiber_group group;
	struct fiber *fiber;
	int exit_code;
};

static void state_changed(void *context, const void *data)
{
	struct doctor *doctor = context;

	(void)data;
	if (doctor->fiber)
		fiber_wake(doctor->fiber);
}

static void await_answer(struct doctor *doctor)
{
	const struct conf_redis *redis = &doctor->cache.conf->redis;
	int64_t patience = clock_deadline(patience_ms);
	int64_t run_ms = redis->password_argv ? PASSWORD_RUN_MS : 0;
	int64_t deadline = clock_deadline(redis->connect_timeout_ms + run_ms + patience_ms);

	for (;;) {
		struct redis_state state = store_state(doctor->cache.store);
		bool failed = state.last_error.error != OK;
		int64_t until = failed ? patience : deadline;

		if (state.status != REDIS_DOWN || state.unfit.error || clock_mono_ms() >= until)
			return;
		fiber_park("Redis", until);
	}
}

static void print_report(struct doctor *doctor, const struct diagnosis *diagnosis)
{
	cJSON *report = doctor_report(diagnosis);
	char *text = cJSON_Print(report);

	if (puts(text) < 0 || fflush(stdout) != 0 || !diagnosis_ok(diagnosis))
		doctor->exit_code = EXIT_FAILURE;
	cJSON_free(text);
	cJSON_Delete(report);
}

static void examine(void *argument)
{
	struct doctor *doctor = argument;
	struct diagnosis diagnosis;

	doctor->fiber = fiber_current();
	await_answer(doctor);
	doctor->fiber = NULL;
	diagnosis_make(&doctor->cache, NULL, &diagnosis);
	print_report(doctor, &diagnosis);
	diagnosis_release(&diagnosis);
	store_free(doctor->cache.store);
	loop_stop(doctor->loop);
}

int daemon_doctor(struct conf *conf)
{
	struct doctor doctor = {.loop = loop_new()};
	struct event_bus *bus = event_bus_new();

	/* Starting the private server would end that of a daemon that runs already. */
	if (conf->redis.kind == REDIS_URL_MANAGED) {
		fputs("cachewardend: redis.url is managed:, a server that the daemon starts "
		      "itself; ask the running daemon: GET /api/v1/admin/cache/doctor\n",
			stderr);
		doctor.exit_code = EXIT_FAILURE;
	} else {
		doctor.cache = (struct cache){.loop = doctor.loop,
			.bus = bus,
			.conf = conf,
			.store = store_new(&(struct redis_node_options){
				.loop = doctor.loop, .bus = bus, .conf = &conf->redis})};
		struct event_subscription *changes =
			event_subscribe(bus, EVENT_REDIS_STATE, state_changed, &doctor);

		fiber_group_init(&doctor.group, "doctor", doctor.loop);
		fiber_spawn(&doctor.group, "doctor", examine, &doctor);
		loop_run(doctor.loop);
		event_unsubscribe(changes);
	}
	loop_free(doctor.loop);
	event_bus_free(bus);
	return doctor.exit_code;
}
