/* SPDX-License-Identifier: MIT */
/* From due to begun; see fire.h. */
#include "warm/fire.h"

#include <string.h>

#include "base/mem.h"
#include "warm/lock.h"

enum { patience_ms = 60000, pause_ms = 250, quick_pause_ms = 50 };

struct fire *fire_new(const char *job, enum fire_cause cause)
{
	struct fire *fire = mem_new(struct fire);

	fire->job = mem_strdup(job);
	fire->cause = cause;
	fire->deadline = clock_deadline(patience_ms);
	return fire;
}

static void fire_free(struct fire *fire)
{
	mem_free(fire->job);
	mem_free(fire);
}

/* Worth another try: all that Redis may say, except that the ACL denies it. */
static bool passing(enum error error)
{
	return error_redis(error) && error != ERR_REDIS_NOPERM;
}

/* Parks. */
static enum error take_receipt(const struct fire *fire, bool *ret_won, struct fault *fault)
{
	struct receipt receipt = {
		.job = slice_str(fire->job),
		.nominal_wall_ms = fire->nominal_wall_ms,
		.ttl_ms = fire->receipt_ttl_ms,
	};
	int64_t pause = quick_pause_ms;
	enum error error;

	*ret_won = true;
	if (fire->cause != FIRE_SCHEDULE)
		return OK;
	owner_token_new(receipt.token);
	while ((error = receipt_take(fire->cache, &receipt, ret_won, fault))) {
		if (!passing(error) || clock_mono_ms() + pause > fire->deadline)
			return error;
		if (fiber_sleep(pause))
			return ERR_CANCELLED;
		pause = pause_ms;
	}
	return OK;
}

/* Parks. */
static enum error start(const struct fire *fire, struct warm_started *started, struct fault *fault)
{
	static const struct identity scheduler = {.name = "scheduler", .scopes = SCOPE_WARM};
	static const char *const notes[] = {NULL, "on: startup", "on: redis_flushed"};
	enum error error;

	while ((error = warm_start(fire->warm, slice_str(fire->job), &scheduler, notes[fire->cause],
			started, fault))) {
		if (!passing(error) || clock_mono_ms() + pause_ms > fire->deadline)
			return error;
		if (fiber_sleep(pause_ms))
			return ERR_CANCELLED;
	}
	return OK;
}

static void fire_work(void *argument)
{
	struct fire *fire = argument;
	struct warm_started started;
	struct fault fault = {0};
	bool won;
	enum error error = take_receipt(fire, &won, &fault);

	if (!error && !won) {
		log_debug(fire->log, "warm job %s: another daemon runs it", fire->job);
		goto out;
	}
	if (!error)
		error = start(fire, &started, &fault);
	if (!error) {
		if (started.already_running)
			log_info(fire->log, "warm job %s is due, but still runs (%s): skipped",
				fire->job, started.operation_id);
		warm_started_release(&started);
	} else if (error != ERR_CANCELLED && error != ERR_STOPPING) {
		log_warning(fire->log, "warm job %s missed its run: %s", fire->job, fault.detail);
	}
out:
	fire_free(fire);
}

void fire_spawn(struct fiber_group *group, struct fire *fire)
{
	fiber_spawn(group, "warm fire", fire_work, fire);
}
