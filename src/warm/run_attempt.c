/* SPDX-License-Identifier: MIT */
/* Rows on their way from an open source to the window; see run.h. */
#include "warm/run_internal.h"

enum {
	work_ns = 1000000,  /* so long without a park, then others have their turn */
	look_rows = 64,	    /* rows between two looks at the clock */
	look_bytes = 65536, /* or so many bytes of them */
	linger_ms = 50,	    /* a row waits no longer for company to travel with */
	undo_wait_ms = 5000,
	rate_nap_ms = 10, /* few, but not single, keys between two naps */
};

enum error run_may_go_on(const struct run *run, struct fault *fault)
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

/* Every few rows: lets others run, shows the progress. Parks. */
static enum error breathe(struct run *run, struct fault *fault)
{
	int64_t now;

	if (++run->rows_unlooked < look_rows && run->bytes_unlooked < look_bytes)
		return OK;
	run->rows_unlooked = 0;
	run->bytes_unlooked = 0;
	now = clock_mono_ns();
	if (now - run->worked_since_ns < work_ns)
		return OK;
	fiber_yield();
	run->worked_since_ns = clock_mono_ns();
	operation_progress(run->operation, OPERATION_PHASE_STORING, run->tally.rows, 0);
	return run_may_go_on(run, fault);
}

/* Waits until the rate lets one key more go; meanwhile what is in the batch goes. Parks. */
static enum error take_rate(struct run *run, struct fault *fault)
{
	int64_t wait_ns = rate_take(&run->rate, clock_mono_ns());
	enum error error = OK;

	if (wait_ns == 0)
		return OK;
	error = window_send(run->window, fault);
	while (!error && wait_ns) {
		int64_t ms = wait_ns / 1000000 + 1;

		fiber_sleep(ms < rate_nap_ms ? rate_nap_ms : ms > 1000 ? 1000 : ms);
		operation_progress(run->operation, OPERATION_PHASE_STORING, run->tally.rows, 0);
		error = run_may_go_on(run, fault);
		wait_ns = rate_take(&run->rate, clock_mono_ns());
	}
	return error;
}

/* A row that the source could deliver. A refused one is counted and is no error. Parks. */
static enum error move_row(struct run *run, const struct source_row *row, struct fault *fault)
{
	struct row_maker *maker = &run->maker;
	struct fault refused;
	enum error error;

	if (row_make(maker, row, &refused)) {
		tally_reject(&run->tally, row->number, &refused);
		return OK;
	}
	run->bytes_unlooked += maker->value.n;
	if (run->conf_job->rate > 0) {
		error = take_rate(run, fault);
		if (error) {
			tally_reject(&run->tally, row->number, fault);
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

/* The source is slow: what has waited since then goes. Parks. */
static enum error hurry(struct run *run, int64_t since, struct fault *fault)
{
	enum error error = run_may_go_on(run, fault);

	operation_progress(run->operation, OPERATION_PHASE_STORING, run->tally.rows, 0);
	if (!error && window_waiting_since(run->window) == since)
		error = window_send(run->window, fault);
	return error;
}

/*
 * Moves all rows of an open source. *ret_source says whether the error is the source's, which
 * another attempt may mend. Parks.
 */
static enum error move_rows(
	struct run *run, struct source *source, bool *ret_source, struct fault *fault)
{
	uv_loop_t *uv = loop_uv(run->world->cache->loop);
	struct source_row row;
	enum error error = OK;

	while (!error) {
		int64_t since = window_waiting_since(run->window);
		bool end = false;

		error = source_next(source, &row, &end, fault);
		if (end && !error) {
			run->tally.absent = source_rows_absent(source);
			break;
		}
		if (error && error != ERR_SOURCE_ROW) {
			fault_disclose(fault);
			run->retry_after_ms = source_retry_after_ms(source);
			*ret_source = true;
			break;
		}
		run->tally.rows++;
		if (error) {
			tally_reject(&run->tally, run->tally.rows, fault);
			error = OK;
		} else {
			error = move_row(run, &row, fault);
		}
		if (!error && since >= 0 && (int64_t)uv_now(uv) - since >= linger_ms)
			error = hurry(run, since, fault);
		if (!error)
			error = breathe(run, fault);
	}
	return error;
}

enum error run_attempt(struct run *run, bool *ret_source, struct fault *fault)
{
	struct source_call call = {
		.conf = &run->conf_job->source,
		.deadline = run->deadline,
		.max_row_bytes = row_max_bytes(run->conf),
	};
	struct window_spec spec = {run->world->cache, run->conf_job, &run->tally, run->world->undo};
	struct source *source = NULL;
	struct fault flushed;
	enum error error;

	*ret_source = false;
	run->retry_after_ms = 0;
	operation_progress(run->operation, OPERATION_PHASE_OPENING, run->tally.rows, 0);
	/* If Redis stays away the window does not open. */
	undo_wait(run->world->undo, clock_deadline(undo_wait_ms));
	error = window_open(&spec, &run->window, fault);
	if (error)
		goto out;
	error = source_open(run->world->sources, &call, &source, fault);
	if (error) {
		fault_disclose(fault);
		*ret_source = true;
		goto out;
	}
	run->worked_since_ns = clock_mono_ns();
	error = move_rows(run, source, ret_source, fault);
	if (window_flush(run->window, &flushed) && (!error || *ret_source)) {
		*ret_source = false;
		*fault = flushed;
		error = flushed.error;
	}
out:
	fiber_cleanup_begin(RUN_CLEANUP_MS);
	source_close(source);
	fiber_cleanup_end();
	window_close(run->window);
	run->window = NULL;
	return error;
}
