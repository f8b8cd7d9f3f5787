/* SPDX-License-Identifier: MIT */
/* A run from its turn to its verdict; see run.h. */
#include "warm/run_internal.h"

#include "base/crypto.h"
#include "base/mem.h"

enum { backoff_most_ms = 5 * 60 * 1000 };

struct run *run_new(struct run_world *world, struct conf *conf, const struct conf_job *conf_job,
	struct job *job, struct lock *lock)
{
	struct run *run = mem_new(struct run);

	run->world = world;
	run->conf = conf_ref(conf);
	run->conf_job = conf_job;
	run->job = job;
	run->lock = lock;
	return run;
}

void run_free(void *context)
{
	struct run *run = context;

	if (!run)
		return;
	lock_abandon(run->lock);
	conf_unref(run->conf);
	mem_free(run);
}

/* A source's end by deadline or cancel is the run's: its words come first. */
static enum error own_words(const struct run *run, enum error error, struct fault *fault)
{
	struct fault ours, theirs = *fault;

	if (!error || !run_may_go_on(run, &ours))
		return error;
	*fault = ours;
	if (ours.error == ERR_TIMEOUT && error == ERR_TIMEOUT)
		fault_set(fault, ERR_TIMEOUT, "%.200s: %.300s", ours.detail, theirs.detail);
	return ours.error;
}

/* Sleeps before the next attempt, as long as the source has asked for, if it has; an error where
 * there will be none. Parks. */
static enum error back_off(struct run *run, struct fault *fault)
{
	int64_t ms = run->conf_job->backoff_ms;

	for (unsigned i = 1; i < run->attempts && ms < backoff_most_ms; i++)
		ms *= 2;
	if (run->retry_after_ms)
		ms = run->retry_after_ms;
	if (clock_mono_ms() + ms >= run->deadline)
		return fault->error;
	operation_progress(run->operation, OPERATION_PHASE_WAITING, run->tally.rows, 0);
	while (ms > 0 && !run_may_go_on(run, fault)) {
		int64_t nap = ms < 1000 ? ms : 1000;

		fiber_sleep(nap);
		ms -= nap;
	}
	return run_may_go_on(run, fault);
}

/*
 * Whether another attempt makes sense. A lost invalidation log (somebody flushed Redis) is no fault
 * of the source: one attempt more is free, and at once. Parks.
 */
static bool again(struct run *run, enum error error, bool of_source, struct fault *fault)
{
	if (error == ERR_INCOMPLETE && !run->log_lost) {
		run->log_lost = true;
		return !run_may_go_on(run, fault);
	}
	return error && of_source && run->attempts < run->conf_job->attempts &&
	       !back_off(run, fault);
}

/* Attempts until one ends well or there is no sense in another. Parks. */
static enum error run_attempts(struct run *run, struct fault *fault)
{
	struct tally furthest = {0};
	enum error error;
	bool of_source;

	do {
		run->attempts++;
		run->stored_before = run->stored_before || run->tally.stored;
		if (run->tally.rows >= furthest.rows)
			furthest = run->tally;
		run->tally = (struct tally){0};
		log_debug(run->world->log, "warm run of %s: attempt %u", run->job->name,
			run->attempts);
		error = run_attempt(run, &of_source, fault);
		error = own_words(run, error, fault);
		log_debug(run->world->log, "warm run of %s: attempt %u ends: %s", run->job->name,
			run->attempts, error ? fault->detail : "ok");
	} while (again(run, error, of_source, fault));
	if (error)
		error = fault->error;
	if (error && run->tally.rows < furthest.rows)
		run->tally = furthest;
	return error;
}

static void write_log(const struct run *run, enum operation_state state, int64_t took_ns,
	const struct fault *fault)
{
	const struct tally *tally = &run->tally;
	struct log *log = run->world->log;

	log_info(log, "warm run of %s %s: %llu rows, %llu stored, %llu rejected in %.3f s (%s)",
		run->job->name, operation_state_name(state), (unsigned long long)tally->rows,
		(unsigned long long)tally->stored, (unsigned long long)tally->rejected,
		(double)took_ns / 1e9, operation_id(run->operation));
	if (state == OPERATION_FAILED)
		log_warning(log, "warm run of %s failed: %s", run->job->name, fault->detail);
	else if (state == OPERATION_PARTIAL)
		log_warning(log, "warm run of %s is partial: %s", run->job->name,
			fault->error	     ? fault->detail
			: tally->first_count ? tally->first[0].detail
					     : "rows were rejected");
}

static void count(const struct run *run, enum operation_state state, int64_t took_ns)
{
	struct cache *cache = run->world->cache;
	const char *name = run->job->name;

	cache->sets += run->tally.stored;
	metric_add(cache->metrics, METRIC_WARM_RUNS, name, operation_state_name(state), 1);
	metric_add(cache->metrics, METRIC_WARM_STORED, name, NULL, run->tally.stored);
	metric_observe_us(cache->metrics, METRIC_WARM_DURATION, name, took_ns / 1000);
}

/* From the turn on: the attempts and their verdict. Parks. */
static enum operation_state run_job(struct run *run, void **ret_result, struct fault *fault)
{
	int64_t began_ns = clock_mono_ns();
	uint64_t seed;
	struct tally_end end = {.job = run->job->name,
		.empty_ok = run->conf_job->empty_ok,
		.rows = run->conf_job->source.rows};
	enum operation_state state;

	crypto_random(&seed, sizeof seed);
	run->deadline = clock_deadline(run->conf_job->timeout_ms);
	row_maker_init(&run->maker, run->conf, run->conf_job, seed);
	rate_init(&run->rate, run->conf_job->rate, began_ns);
	fault->error = OK;
	end.error = run_attempts(run, fault);
	row_maker_release(&run->maker);
	end.attempts = run->attempts;
	end.stored_before = run->stored_before;
	end.took_ns = clock_mono_ns() - began_ns;
	if (!end.error)
		*fault = (struct fault){0};
	state = tally_verdict(&run->tally, &end, fault);
	*ret_result = tally_json(&run->tally, &end, fault);
	write_log(run, state, end.took_ns, fault);
	count(run, state, end.took_ns);
	return state;
}

enum operation_state run_work(
	struct operation *operation, void *context, void **ret_result, struct fault *fault)
{
	struct run *run = context;
	struct run_world *world = run->world;
	enum operation_state state;

	run->operation = operation;
	lock_keep(run->lock, operation_id(operation));
	operation_progress(operation, OPERATION_PHASE_QUEUED, 0, 0);
	enum error error = semaphore_acquire(
		&world->turns, world->cache->conf->warm_concurrency, clock_deadline(RUN_QUEUE_MS));
	if (!error) {
		state = run_job(run, ret_result, fault);
		operation_progress(operation, OPERATION_PHASE_ENDING, run->tally.rows,
			state == OPERATION_COMPLETED ? run->tally.rows : 0);
		semaphore_release(&world->turns, world->cache->conf->warm_concurrency);
	} else {
		fault_set(fault, error, "the run's turn did not come");
		state = error == ERR_CANCELLED ? OPERATION_CANCELLED : OPERATION_FAILED;
	}
	fiber_cleanup_begin(RUN_CLEANUP_MS);
	lock_release(run->lock);
	run->lock = NULL;
	struct operation_view view;
	operation_view_ended(operation, state, *ret_result, fault, &view);
	job_ran(world->jobs, run->job, operation_record_json(&view));
	operation_view_release(&view);
	fiber_cleanup_end();
	if (run->job->running == operation) {
		run->job->running = NULL;
		operation_unref(operation);
	}
	return state;
}
