/* SPDX-License-Identifier: MIT */
/* A run: its turn, its attempts, their rows, and its verdict; see run.h. */
#include "warm/run.h"

#include <stdio.h>
#include <string.h>

#include "base/crypto.h"
#include "base/mem.h"
#include "warm/rate.h"
#include "warm/row.h"
#include "warm/trickle.h"
#include "warm/trigger.h"
#include "warm/unchanged.h"
#include "warm/usefulness.h"
#include "warm/visit.h"
#include "warm/window.h"

enum {
	backoff_most_ms = 5 * 60 * 1000,
	cleanup_ms = 5000,  /* for closing the source and the verdict of a cancelled run */
	work_ns = 1000000,  /* without a park; then other fibers run */
	look_rows = 64,	    /* rows between two looks at the clock */
	look_bytes = 65536, /* or bytes of values */
	undo_wait_ms = 5000,
	rate_nap_ms = 10, /* so that a few keys, not one, are sent between two sleeps */
};

struct run {
	struct run_world *world;
	struct conf *conf;
	const struct conf_job *conf_job;
	struct job *job;
	struct lock *lock;

	/* While it runs: */
	struct operation *operation;
	int64_t deadline, began_ns;
	unsigned attempts;
	bool stored_before;	/* an earlier attempt stored entries */
	bool log_lost;		/* the invalidation log was lost once */
	int64_t retry_after_ms; /* as the source asked for; 0 = it did not */
	struct run_counts counts;
	struct row_maker maker;
	struct rate rate;
	struct window *window;	  /* of the attempt */
	struct trickle *trickle;  /* sends what waits in the window */
	bool ticked;		  /* some time has passed */
	struct visits *visits;	  /* or these, in mode visit */
	struct source *source;	  /* of the attempt, while its rows are read */
	struct key_sample sample; /* of the attempt's keys */
	bool read_all;
	char etag[SOURCE_ETAG_BYTES]; /* of what the attempt has read to its end */
	char asked[SOURCE_ETAG_BYTES];
	struct inval_place place; /* before that */
	struct swap swap;	  /* of mode swap; without a number until the first attempt */
	int64_t worked_since_ns;
	unsigned rows_unlooked;
	size_t bytes_unlooked;
};

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

/* Whether the run may go on: not cancelled, in time, and with its lock. */
static enum error may_continue(const struct run *run, struct fault *fault)
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

/* The progress: rows, of how many where the source can tell. */
static void report(const struct run *run)
{
	uint64_t rows = run->counts.rows, total = source_total(run->source);

	bool starves = run->window && window_starves(run->window);

	operation_progress(run->operation,
		starves ? OPERATION_PHASE_WAITING : OPERATION_PHASE_STORING, rows,
		total && total < rows ? rows : total);
}

static void tick(void *context)
{
	struct run *run = context;

	run->ticked = true;
	report(run);
}

/* Every few rows: lets other fibers run. Parks. */
static enum error yield_sometimes(struct run *run, struct fault *fault)
{
	int64_t now;

	if (run->ticked) {
		run->ticked = false;
		return may_continue(run, fault);
	}
	if (++run->rows_unlooked < look_rows && run->bytes_unlooked < look_bytes)
		return OK;
	run->rows_unlooked = 0;
	run->bytes_unlooked = 0;
	now = clock_mono_ns();
	if (now - run->worked_since_ns < work_ns)
		return OK;
	fiber_yield();
	run->worked_since_ns = clock_mono_ns();
	return may_continue(run, fault);
}

/* Waits until the rate allows one more key; sends the batch before it waits. Parks. */
static enum error take_rate(struct run *run, struct fault *fault)
{
	int64_t wait_ns = rate_take(&run->rate, clock_mono_ns());
	enum error error = OK;

	if (wait_ns == 0)
		return OK;
	error = run->window ? window_send(run->window, fault) : OK;
	while (!error && wait_ns) {
		int64_t ms = wait_ns / 1000000 + 1;

		fiber_sleep(ms < rate_nap_ms ? rate_nap_ms : ms > 1000 ? 1000 : ms);
		error = may_continue(run, fault);
		wait_ns = rate_take(&run->rate, clock_mono_ns());
	}
	return error;
}

static enum error visit_row(struct run *run, const struct source_row *row, struct fault *fault)
{
	enum error error = visits_add(run->visits, row, fault);

	/* The row is used up: the rate is for the next one. */
	return error || run->conf_job->rate == 0 ? error : take_rate(run, fault);
}

/* Stores one row. A row that is refused is counted, which is not an error. Parks. */
static enum error store_row(struct run *run, const struct source_row *row, struct fault *fault)
{
	struct row_maker *maker = &run->maker;
	struct fault refused;
	enum error error;

	if (run->visits)
		return visit_row(run, row, fault);
	if (row_make(maker, row, &refused)) {
		run_counts_reject(&run->counts, row->number, &refused);
		return OK;
	}
	run->bytes_unlooked += maker->value.n;
	if (run->conf_job->rate > 0) {
		error = take_rate(run, fault);
		if (error) {
			run_counts_reject(&run->counts, row->number, fault);
			return error;
		}
	}
	struct window_entry entry = {.key = buf_slice(&maker->key),
		.value = buf_slice(&maker->value),
		.ttl_ms = maker->ttl_ms,
		.tags = maker->tags,
		.tag_count = run->conf_job->tag_count,
		.row = row->number};
	return window_add(run->window, &entry, fault);
}

/*
 * Stores all rows of an open source. *ret_source: the error is the source's, so that another
 * attempt may succeed. Parks.
 */
static enum error store_rows(
	struct run *run, struct source *source, bool *ret_source, struct fault *fault)
{
	struct source_row row;
	enum error error = OK;

	while (!error) {
		bool end = false;

		trickle_reading(run->trickle);
		error = source_next(source, &row, &end, fault);
		trickle_read(run->trickle);
		if (end && !error) {
			run->counts.absent = source_rows_absent(source);
			run->counts.unchanged = source_unchanged(source);
			memcpy(run->etag, source_etag(source), sizeof run->etag);
			break;
		}
		if (error && error != ERR_SOURCE_ROW) {
			fault_disclose(fault);
			run->retry_after_ms = source_retry_after_ms(source);
			*ret_source = true;
			break;
		}
		run->counts.rows++;
		if (error) {
			run_counts_reject(&run->counts, run->counts.rows, fault);
			error = OK;
		} else {
			error = store_row(run, &row, fault);
		}
		if (!error)
			error = yield_sometimes(run, fault);
	}
	return error;
}

/* Where the rows go: the window, or visits. Parks. */
static enum error open_target(struct run *run, struct fault *fault)
{
	const bool swaps = run->conf_job->mode == MODE_SWAP;
	struct window_spec window = {.cache = run->world->cache,
		.job = run->conf_job,
		.counts = &run->counts,
		.undo = run->world->undo,
		.swap = swaps ? &run->swap : NULL,
		.sample = &run->sample,
		.deadline = run->deadline};
	enum error error = OK;
	struct visits_spec visits = {.loop = run->world->cache->loop,
		.sources = run->world->sources,
		.job = run->conf_job,
		.counts = &run->counts,
		.deadline = run->deadline};

	if (run->conf_job->mode == MODE_VISIT) {
		run->visits = visits_new(&visits);
		return OK;
	}
	/* On a timeout Redis is away, and window_open() fails. */
	undo_wait(run->world->undo, clock_deadline(undo_wait_ms));
	if (swaps && !*run->swap.number) {
		swap_release(&run->swap);
		error = swap_begin(&run->swap, window.cache, slice_str(run->job->name), fault);
	}
	return error ? error : window_open(&window, &run->window, fault);
}

/* Waits for what is under way; also after an error or a cancel. Parks. */
static enum error flush_target(struct run *run, struct fault *fault)
{
	return run->visits ? visits_flush(run->visits, fault) : window_flush(run->window, fault);
}

static void begin_sample(struct run *run)
{
	uint64_t seed;

	crypto_random(&seed, sizeof seed);
	key_sample_release(&run->sample);
	key_sample_init(&run->sample, seed);
	run->etag[0] = '\0';
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

/*
 * One attempt: opens the source, stores its rows, and waits for the replies. *ret_source as
 * store_rows(). Parks.
 */
static enum error run_attempt(struct run *run, bool *ret_source, struct fault *fault)
{
	struct source_call call = {
		.conf = &run->conf_job->source,
		.deadline = run->deadline,
		.max_row_bytes = row_max_bytes(run->conf),
	};
	struct trickle_spec trickle = {
		.loop = run->world->cache->loop, .tick = tick, .context = run};
	struct source *source = NULL;
	struct fault flushed;
	enum error error;

	*ret_source = false;
	run->retry_after_ms = 0;
	operation_progress(run->operation, OPERATION_PHASE_OPENING, run->counts.rows, 0);
	begin_sample(run);
	if (unchanged_possible(run->conf_job)) {
		const char *etag =
			run->read_all ? NULL
				      : unchanged_tag(run->world->cache, run->conf_job, run->job);

		/* A reload forgets the job's. */
		snprintf(run->asked, sizeof run->asked, "%s", etag ? etag : "");
		call.etag = *run->asked ? run->asked : NULL;
		unchanged_place(run->world->cache, &run->place);
	}
	error = open_target(run, fault);
	if (error)
		goto out;
	error = source_open(run->world->sources, &call, &source, fault);
	if (error) {
		fault_disclose(fault);
		*ret_source = true;
		goto out;
	}
	run->worked_since_ns = clock_mono_ns();
	run->source = source;
	trickle.window = run->window;
	run->trickle = trickle_new(&trickle);
	error = store_rows(run, source, ret_source, fault);
	trickle_free(run->trickle);
	run->trickle = NULL;
	run->source = NULL;
	/* The service that is visited is a source, too. */
	*ret_source = *ret_source || (error && run->visits);
	if (flush_target(run, &flushed) && (!error || *ret_source)) {
		*ret_source = run->visits != NULL;
		*fault = flushed;
		error = flushed.error;
	}
out:
	fiber_cleanup_begin(cleanup_ms);
	source_close(source);
	visits_end(run->visits);
	fiber_cleanup_end();
	window_close(run->window);
	run->window = NULL;
	run->visits = NULL;
	return error;
}

/* If the source ended because the run was cancelled or timed out, that is the error. */
static enum error run_error(const struct run *run, enum error error, struct fault *fault)
{
	struct fault ours, theirs = *fault;

	if (!error || !may_continue(run, &ours))
		return error;
	*fault = ours;
	if (ours.error == ERR_TIMEOUT && (error == ERR_TIMEOUT || error == ERR_REDIS_OOM))
		fault_set(fault, ERR_TIMEOUT, "%.200s: %.300s", ours.detail, theirs.detail);
	return ours.error;
}

/* Sleeps before the next attempt, for as long as the source asked for if it did. An error: there is
 * no other attempt. Parks. */
static enum error back_off(struct run *run, struct fault *fault)
{
	int64_t ms = run->conf_job->backoff_ms;

	for (unsigned i = 1; i < run->attempts && ms < backoff_most_ms; i++)
		ms *= 2;
	if (run->retry_after_ms)
		ms = run->retry_after_ms;
	if (clock_mono_ms() + ms >= run->deadline)
		return fault->error;
	operation_progress(run->operation, OPERATION_PHASE_WAITING, run->counts.rows, 0);
	while (ms > 0 && !may_continue(run, fault)) {
		int64_t nap = ms < 1000 ? ms : 1000;

		fiber_sleep(nap);
		ms -= nap;
	}
	return may_continue(run, fault);
}

/*
 * Whether another attempt is made. A lost invalidation log (Redis was flushed) is not the source's
 * fault: one more attempt follows at once, which `attempts` does not count. Parks.
 */
static bool retry(struct run *run, enum error error, bool of_source, struct fault *fault)
{
	if (error == ERR_INCOMPLETE && !run->log_lost) {
		run->log_lost = true;
		return !may_continue(run, fault);
	}
	return error && of_source && run->attempts < run->conf_job->attempts &&
	       !back_off(run, fault);
}

/* Retries until success, or until retrying cannot help. Parks. */
static enum error run_attempts(struct run *run, struct fault *fault)
{
	struct run_counts furthest = {0};
	enum error error;
	bool of_source;

	do {
		run->attempts++;
		run->stored_before = run->stored_before || run->counts.stored;
		if (run->counts.rows >= furthest.rows)
			furthest = run->counts;
		run->counts = (struct run_counts){0};
		log_debug(run->world->log, "warm run of %s: attempt %u", run->job->name,
			run->attempts);
		error = run_attempt(run, &of_source, fault);
		error = run_error(run, error, fault);
		log_debug(run->world->log, "warm run of %s: attempt %u ends: %s", run->job->name,
			run->attempts, error ? fault->detail : "ok");
	} while (retry(run, error, of_source, fault));
	if (error)
		error = fault->error;
	if (error && run->counts.rows < furthest.rows)
		run->counts = furthest;
	return error;
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
	enum error error = may_continue(run, fault);

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
	fiber_cleanup_begin(cleanup_ms);
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
