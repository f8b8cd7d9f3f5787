/* SPDX-License-Identifier: MIT */
/*
 * An invalidation from top to bottom, in its operation's fiber:
 *
 *	rules -> log -> (few enough? else ask back) -> exact names -> passes -> verify -> verdict
 *
 * Special: XADD that Redis refuses for want of memory does not stop it. Deletions make room, so the
 * log is written after them, and all is done once more for what was stored in between.
 */
#include <string.h>

#include "base/mem.h"
#include "cache/exact.h"
#include "cache/invalidate_internal.h"
#include "cache/log.h"

enum { removals_max = 3, log_again_ms = 100 };

static void give_reason(struct job *job, const char *reason)
{
	if (!job->reason)
		job->reason = reason;
}

/* How many keys may still be removed. */
static uint64_t keys_left(const struct job *job)
{
	return job->limit > job->invalidated ? job->limit - job->invalidated : 0;
}

/* Everything that the plan names, as one entry of the log. Parks. */
static enum error write_log(struct job *job, struct fault *fault)
{
	const struct plan *plan = job->plan;
	struct slice *keys = mem_array(plan->key_count, sizeof *keys);
	struct slice *patterns = mem_array(plan->pattern_count, sizeof *patterns);
	struct inval_entry entry = {
		.operation_id = operation_id(job->operation), .keys = keys, .patterns = patterns};

	for (size_t i = 0; i < plan->key_count; i++)
		if (plan->keys[i].claims)
			keys[entry.key_count++] = plan->keys[i].name;
	for (size_t i = 0; i < plan->pattern_count; i++)
		patterns[entry.pattern_count++] = plan->patterns[i].glob;
	enum error error = inval_log_add(job->owner->cw, &entry, fault);
	/* An entry too many does no harm. */
	if (error == ERR_REDIS_UNKNOWN_OUTCOME && fiber_sleep(log_again_ms) == OK)
		error = inval_log_add(job->owner->cw, &entry, fault);
	mem_free(keys);
	mem_free(patterns);
	return error;
}

static bool unknown_command(enum error error, const struct fault *fault)
{
	return error == ERR_REDIS_ERROR && strstr(fault->detail, "unknown command");
}

/* Looks at the keys named exactly, or removes them. Adds to the job's totals. Parks. */
static enum error run_exact(struct job *job, bool remove, uint64_t limit, struct fault *fault)
{
	struct cw *cw = job->owner->cw;
	struct exact exact = {.cw = cw,
		.plan = job->plan,
		.command = remove ? passes_remove_command(job->owner->passes) : SLICE("EXISTS"),
		.limit = limit};
	operation_progress(job->operation, remove ? "removing" : "counting", 0, 0);
	enum error error = exact_run(&exact, fault);

	if (error == ERR_REDIS_UNKNOWN_OUTCOME && fiber_sleep(log_again_ms) == OK) {
		job->matched += exact.first_seen;
		job->invalidated += remove ? exact.hits : 0;
		exact.limit = limit - exact.hits;
		error = exact_run(&exact, fault);
	} else if (remove && unknown_command(error, fault)) {
		exact.command = SLICE("DEL");
		error = exact_run(&exact, fault);
	}
	job->matched += exact.first_seen;
	job->exact_hits = exact.hits;
	if (!remove)
		return error;
	job->invalidated += exact.hits;
	cw->invalidated_keys += exact.hits;
	if (cw->metrics)
		metric_add(cw->metrics, METRIC_INVALIDATED_KEYS, NULL, NULL, exact.hits);
	if (exact.limited)
		give_reason(job, "max_keys");
	return error;
}

/* What a pass counted for the request becomes the plan's and the job's. */
static void merge(struct job *job, const struct pass_request *request)
{
	for (size_t i = 0; i < request->slot_count; i++) {
		const struct pass_slot *slot = &request->slots[i];

		job->plan->selectors[slot->selector].matched += slot->matched;
		job->plan->selectors[slot->selector].invalidated += slot->invalidated;
	}
	job->matched += request->matched;
	job->invalidated += request->invalidated;
}

/* What one round of passes over all patterns found. */
struct round {
	enum pass_mode mode;
	uint64_t limit;
	bool keep; /* its counts are the job's */
	/* Out. */
	uint64_t matched, protected_skipped;
	bool limited, changed, overflowed;
};

/* As many passes as the patterns need; nearly always one. Parks. */
static enum error run_passes(struct job *job, struct round *round, struct fault *fault)
{
	enum error error = OK;

	for (size_t at = 0; at < job->plan->pattern_count && !error && !round->limited;) {
		struct pass_request *request = pass_request_new(job->plan, &at);

		request->operation = job->operation;
		request->mode = round->mode;
		request->limit = round->limit - round->matched;
		request->max_latency_ms = job->max_latency_ms;
		operation_progress(job->operation, "queued", 0, 0);
		if (job->arriving)
			job->owner->arriving--;
		job->arriving = false;
		error = pass_run(job->owner->passes, request, fault);
		job->passes += request->walks;
		round->matched += request->matched;
		round->protected_skipped += request->protected_skipped;
		round->limited = request->end == PASS_LIMIT;
		round->changed |= request->end == PASS_CHANGED;
		round->overflowed |= request->overflowed;
		/* What HOLD only counted is counted again when it is removed. */
		if (round->keep &&
			(round->mode != PASS_HOLD || !(round->limited || request->overflowed)))
			merge(job, request);
		pass_request_free(request);
	}
	/* Another round meets the same keys again. */
	if (round->protected_skipped > job->protected_skipped)
		job->protected_skipped = round->protected_skipped;
	if (round->changed)
		give_reason(job, "topology_changed");
	return error;
}

/* Removes by name, then by pattern, at most job->limit keys. Parks. */
static enum error remove_all(struct job *job, struct fault *fault)
{
	struct round round = {.mode = PASS_REMOVE, .keep = true};
	enum error error = run_exact(job, true, keys_left(job), fault);

	if (error || (job->reason && strcmp(job->reason, "max_keys") == 0))
		return error;
	round.limit = keys_left(job);
	error = run_passes(job, &round, fault);
	if (round.limited)
		give_reason(job, "max_keys");
	return error;
}

static void ask_back(struct job *job)
{
	job->needs_confirmation = true;
	confirms_issue(job->owner->confirms, job->digest, job->token);
}

/*
 * Nobody has confirmed: what matches is counted first. The names are noted meanwhile; where they
 * are few, that was the only pass. Parks.
 */
static enum error remove_if_few(struct job *job, struct fault *fault)
{
	bool one_pass = job->plan->pattern_count <= PASS_SLOTS;
	struct round round = {.mode = one_pass ? PASS_HOLD : PASS_COUNT, .keep = one_pass};
	enum error error = run_exact(job, false, UINT64_MAX, fault);

	if (error)
		return error;
	round.limit = job->limit;
	if (job->matched > job->limit) {
		ask_back(job);
		return OK;
	}
	round.limit -= job->matched;
	error = run_passes(job, &round, fault);
	if (round.limited)
		ask_back(job);
	if (error || round.limited)
		return error;
	if (one_pass && !round.overflowed)
		return run_exact(job, true, job->limit, fault);
	return remove_all(job, fault);
}

/* Further rounds until one finds nothing. Parks. */
static enum error verify(struct job *job, struct fault *fault)
{
	for (int removals = 1; !job->reason; removals++) {
		bool remove = removals < removals_max;
		uint64_t before = job->invalidated;
		struct round round = {.mode = remove ? PASS_REMOVE : PASS_COUNT,
			.limit = remove ? keys_left(job) : 0,
			.keep = remove};
		enum error error = run_exact(job, remove, keys_left(job), fault);

		if (!error)
			error = run_passes(job, &round, fault);
		if (error)
			return error;
		if (remove && round.limited)
			give_reason(job, "max_keys");
		if (!remove && (round.limited || job->exact_hits))
			give_reason(job, "still_matching");
		if (!remove || (round.matched == 0 && job->invalidated == before))
			break;
	}
	return OK;
}

static enum error remove_and_verify(struct job *job, struct fault *fault)
{
	const struct plan *plan = job->plan;
	bool straight =
		job->confirmed || (plan->pattern_count == 0 && plan->key_count <= job->limit);
	enum error logged = write_log(job, fault);

	if (logged && logged != ERR_REDIS_OOM)
		return logged;
	enum error error = straight ? remove_all(job, fault) : remove_if_few(job, fault);
	if (error || job->needs_confirmation)
		return error;
	if (logged) {
		if (write_log(job, fault) != OK) {
			give_reason(job, error_code(ERR_REDIS_OOM));
			return OK;
		}
		error = remove_all(job, fault);
	}
	if (!error && job->asked->verify)
		error = verify(job, fault);
	return error;
}

static enum error count_all(struct job *job, struct fault *fault)
{
	struct round round = {.mode = PASS_COUNT, .limit = UINT64_MAX, .keep = true};
	enum error error = run_exact(job, false, UINT64_MAX, fault);

	if (!error)
		error = run_passes(job, &round, fault);
	if (!error)
		confirms_issue(job->owner->confirms, job->digest, job->token);
	return error;
}

static const char *reason_of(enum error error)
{
	switch (error) {
	case ERR_CANCELLED:
		return "cancelled";
	case ERR_REDIS_UNAVAILABLE:
	case ERR_REDIS_UNKNOWN_OUTCOME:
	case ERR_REDIS_PROTOCOL:
	case ERR_REDIS_LOADING:
	case ERR_TIMEOUT:
		return "redis_down";
	default:
		return error_code(error);
	}
}

static enum operation_state verdict(struct job *job, enum error error, struct fault *fault)
{
	if (job->needs_confirmation) {
		fault_set(fault, ERR_CONFIRMATION_REQUIRED,
			"more than %llu keys match; send the same again with this confirmation, or "
			"with max_keys",
			(unsigned long long)job->limit);
		return OPERATION_FAILED;
	}
	if (error)
		job->reason = reason_of(error);
	if (error == ERR_CANCELLED)
		return OPERATION_CANCELLED;
	if (error && job->invalidated == 0) {
		fault->error = error;
		return OPERATION_FAILED;
	}
	if (!job->reason || strcmp(job->reason, "max_keys") == 0)
		return OPERATION_COMPLETED;
	return OPERATION_PARTIAL;
}

enum operation_state job_run(
	struct operation *operation, void *context, cJSON **ret_result, struct fault *fault)
{
	struct job *job = context;

	job->operation = operation;
	job->began_ns = clock_mono_ns();
	operation_progress(operation, "planning", 0, 0);
	enum error error = plan_cascade(job->plan);
	if (job->plan->too_many_dependents)
		give_reason(job, "too_many_dependents");
	if (!error)
		error = job->asked->dry_run ? count_all(job, fault) : remove_and_verify(job, fault);
	job->protected_skipped += job->plan->protected_skipped;
	enum operation_state state = verdict(job, error, fault);
	*ret_result = job_result(job);
	if (!job->asked->dry_run && !job->needs_confirmation)
		job_count_metrics(job);
	return state;
}
