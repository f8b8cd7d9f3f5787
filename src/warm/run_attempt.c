/* SPDX-License-Identifier: MIT */
/*
 * The attempts of a run; see run.h.
 *
 *	open the target, open the source -> each row: made, stored or visited -> flushed
 *	the source failed -> backoff -> again from its first row
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/crypto.h"
#include "warm/run_internal.h"
#include "warm/trickle.h"
#include "warm/visit.h"
#include "warm/window.h"

enum {
	max_backoff_ms = 5 * 60 * 1000,
	work_ns = 1000000,  /* without a park; then other fibers run */
	look_rows = 64,	    /* rows between two looks at the clock */
	look_bytes = 65536, /* or bytes of values */
	undo_wait_ms = 5000,
	rate_nap_ms = 10, /* so that a few keys, not one, are sent between two sleeps */
};

/* The progress: rows, of how many where the source can tell. */
static void report(const struct run *run)
{
	uint64_t rows = run->counts.rows, total = source_total(run->source);
	bool starves = run->window && window_starves(run->window);
	struct fault why;

	operation_progress(run->operation,
		starves ? OPERATION_PHASE_WAITING : OPERATION_PHASE_STORING, rows,
		total && total < rows ? rows : total);
	if (!starves)
		return;
	fault_set(&why, ERR_REDIS_OOM,
		"Redis is at maxmemory and refuses writes: the run waits, at most until its "
		"timeout of %" PRId64 " s; raise maxmemory, or invalidate keys",
		run->conf_job->timeout_ms / 1000);
	operation_waits(run->operation, &why);
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
		return run_may_continue(run, fault);
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
	return run_may_continue(run, fault);
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
		error = run_may_continue(run, fault);
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
	/* The service that is visited is a source, too. */
	*ret_source = *ret_source || (error && run->visits);
	if (flush_target(run, &flushed) && (!error || *ret_source)) {
		*ret_source = run->visits != NULL;
		*fault = flushed;
		error = flushed.error;
	}
	trickle_free(run->trickle);
	run->trickle = NULL;
	run->source = NULL;
out:
	fiber_cleanup_begin(RUN_CLEANUP_MS);
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

	if (!error || !run_may_continue(run, &ours))
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

	for (unsigned i = 1; i < run->attempts && ms < max_backoff_ms; i++)
		ms *= 2;
	if (run->retry_after_ms)
		ms = run->retry_after_ms;
	if (clock_mono_ms() + ms >= run->deadline)
		return fault->error;
	operation_progress(run->operation, OPERATION_PHASE_WAITING, run->counts.rows, 0);
	operation_waits(run->operation, fault);
	while (ms > 0 && !run_may_continue(run, fault)) {
		int64_t nap = ms < 1000 ? ms : 1000;

		fiber_sleep(nap);
		ms -= nap;
	}
	return run_may_continue(run, fault);
}

/*
 * Whether another attempt is made. A lost invalidation log (Redis was flushed) is not the source's
 * fault: one more attempt follows at once, which `attempts` does not count. Parks.
 */
static bool retry(struct run *run, enum error error, bool of_source, struct fault *fault)
{
	if (error == ERR_INCOMPLETE && !run->log_lost) {
		run->log_lost = true;
		return !run_may_continue(run, fault);
	}
	return error && of_source && run->attempts < run->conf_job->attempts &&
	       !back_off(run, fault);
}

enum error run_attempts(struct run *run, struct fault *fault)
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
