/* SPDX-License-Identifier: MIT */
/* A run: its turn, its attempts, and its verdict; see run.h. */
#include "base/crypto.h"
#include "base/mem.h"
#include "warm/run_internal.h"
#include "warm/trigger.h"
#include "warm/usefulness.h"

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

void run_read_all(struct run *run)
{
	run->read_all = true;
}

void run_lock(struct run *run, struct lock *lock)
{
	run->lock = lock;
}

const struct operation_kind run_kind = {"warm", run_result_json, run_result_free};

enum error run_may_continue(const struct run *run, struct fault *fault)
{
	if (fiber_cancelled())
		return fault_set(fault, ERR_CANCELLED, "the run was cancelled");
	if (clock_mono_ms() >= run->deadline)
		return fault_set(fault, ERR_TIMEOUT,
			"job \"%s\" did not end within its timeout of %lld ms", run->job->name,
			(long long)run->conf_job->timeout_ms);
	if (lock_lost(run->lock))
		return fault_set(fault, ERR_CONFLICT,
			"another daemon has taken over the lock of job \"%s\"", run->job->name);
	return OK;
}

/* What is remembered of a run that has read its source to the end. */
static void remember(struct run *run, enum operation_state state)
{
	const char *id = operation_id(run->operation);
	bool complete = state == OPERATION_COMPLETED;

	if (run->counts.unchanged) {
		unchanged_remember(run->job, run->job->etag, id, &run->place);
		return;
	}
	if (run->sample.count)
		usefulness_take(run->world->usefulness, run->job, &run->sample);
	/* With another configuration the same document may give other keys. */
	bool known = complete && *run->etag && run->conf == run->world->cache->conf;
	unchanged_remember(run->job, known ? run->etag : NULL, id, &run->place);
}

static void write_log(const struct run *run, enum operation_state state, int64_t took_ns,
	const struct fault *fault)
{
	const struct run_counts *counts = &run->counts;
	struct log *log = run->world->log;

	bool visits = run->conf_job->mode == MODE_VISIT;

	log_info(log, "warm run of %s %s: %llu rows, %llu %s, %llu rejected in %.3f s (%s)",
		run->job->name, operation_state_name(state), (unsigned long long)counts->rows,
		(unsigned long long)(visits ? counts->visited : counts->stored),
		visits ? "visited" : "stored", (unsigned long long)counts->rejected,
		(double)took_ns / 1e9, operation_id(run->operation));
	if (state == OPERATION_FAILED)
		log_warning(log, "warm run of %s failed: %s", run->job->name, fault->detail);
	else if (state == OPERATION_PARTIAL)
		log_warning(log, "warm run of %s is partial: %s", run->job->name,
			fault->error	      ? fault->detail
			: counts->first_count ? counts->first[0].detail
					      : "rows were rejected");
}

static void count(const struct run *run, enum operation_state state, int64_t took_ns)
{
	struct cache *cache = run->world->cache;
	const char *name = run->job->name;

	cache->sets += run->counts.stored;
	metric_add(cache->metrics, METRIC_WARM_RUNS, name, operation_state_name(state), 1);
	metric_add(cache->metrics, METRIC_WARM_STORED, name, NULL, run->counts.stored);
	metric_observe_us(cache->metrics, METRIC_WARM_DURATION, name, took_ns / 1000);
}

static enum error may_remove(void *context, struct fault *fault)
{
	const struct run *run = context;
	enum error error = run_may_continue(run, fault);

	return error ? error : pause_check(run->world->pauses, PAUSE_INVALIDATION, fault);
}

/* Mode swap, after a run that completed: removes what it has not stored. Parks. */
static enum operation_state remove_others(
	struct run *run, struct run_result *result, struct fault *fault)
{
	struct swap_end end = {
		.guard = &run->maker.guard, .may_continue = may_remove, .context = run};

	operation_progress(
		run->operation, OPERATION_PHASE_REMOVING, run->counts.rows, run->counts.rows);
	enum error error = swap_end(&run->swap, &end, &result->counts.removed, fault);

	result->took_ns = clock_mono_ns() - run->began_ns;
	if (!error)
		return OPERATION_COMPLETED;
	result->ended = *fault;
	return error == ERR_CANCELLED ? OPERATION_CANCELLED : OPERATION_PARTIAL;
}

/* The attempts and their verdict. Parks. */
static enum operation_state run_job(struct run *run, void **ret_result, struct fault *fault)
{
	struct run_result *result = mem_new(struct run_result);
	enum operation_state state;
	uint64_t seed;

	run->began_ns = clock_mono_ns();

	crypto_random(&seed, sizeof seed);
	run->deadline = clock_deadline(run->conf_job->timeout_ms);
	row_maker_init(&run->maker, run->conf, run->conf_job, seed);
	rate_init(&run->rate, run->conf_job->rate, run->began_ns);
	fault->error = OK;
	operation_tell(run->operation, run_counts_so_far, &run->counts);
	usefulness_measure(run->world->usefulness, run->job);
	if (!run_attempts(run, fault))
		*fault = (struct fault){0};
	*result = (struct run_result){.job = mem_strdup(run->job->name),
		.counts = run->counts,
		.ended = *fault,
		.attempts = run->attempts,
		.visits = run->conf_job->mode == MODE_VISIT,
		.swaps = run->conf_job->mode == MODE_SWAP,
		.took_ns = clock_mono_ns() - run->began_ns};
	state = run_result_verdict(result, run->conf_job, run->stored_before, fault);
	operation_tell(run->operation, NULL, NULL);
	if (state == OPERATION_COMPLETED && result->swaps && !run->counts.unchanged)
		state = remove_others(run, result, fault);
	remember(run, state);
	key_sample_release(&run->sample);
	row_maker_release(&run->maker);
	swap_release(&run->swap);
	*ret_result = result;
	write_log(run, state, result->took_ns, fault);
	count(run, state, result->took_ns);
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
		operation_progress(operation, OPERATION_PHASE_ENDING, run->counts.rows,
			state == OPERATION_COMPLETED ? run->counts.rows : 0);
		semaphore_release(&world->turns, world->cache->conf->warm_concurrency);
	} else {
		fault_set(fault, error,
			"the run did not start: it was waiting for other runs to end "
			"(warm.concurrency)");
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
	if (state == OPERATION_COMPLETED)
		triggers_after(world->triggers, run->job);
	return state;
}
