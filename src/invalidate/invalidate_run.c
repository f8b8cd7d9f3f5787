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
#include "cache/log.h"
#include "invalidate/invalidate_internal.h"
#include "invalidate/tag_purge.h"

enum { removals_max = 3, log_again_ms = 100 };

/* Everything that the plan names, as one entry of the log. Parks. */
static enum error write_log(struct job *job, struct fault *fault)
{
	const struct plan *plan = job->plan;
	struct slice *keys = mem_array(plan->key_count, sizeof *keys);
	struct slice *patterns = mem_array(plan->pattern_count, sizeof *patterns);
	struct slice *tags = mem_array(plan->tag_count, sizeof *tags);
	struct inval_entry entry = {.operation_id = operation_id(job->operation),
		.keys = keys,
		.patterns = patterns,
		.tags = tags};

	for (size_t i = 0; i < plan->key_count; i++)
		if (plan->keys[i].claims)
			keys[entry.key_count++] = plan->keys[i].name;
	for (size_t i = 0; i < plan->pattern_count; i++)
		patterns[entry.pattern_count++] = plan->patterns[i].glob;
	for (size_t i = 0; i < plan->tag_count; i++)
		tags[entry.tag_count++] = plan->tags[i].name;
	enum error error = inval_log_add(job->owner->cache, &entry, fault);
	/* An entry too many does no harm. */
	if (error == ERR_REDIS_UNKNOWN_OUTCOME && fiber_sleep(log_again_ms) == OK)
		error = inval_log_add(job->owner->cache, &entry, fault);
	log_debug(job->owner->cache->log, "cw:inval: %zu keys, %zu patterns, %zu tags: %s",
		entry.key_count, entry.pattern_count, entry.tag_count,
		error ? error_code(error) : "noted");
	mem_free(keys);
	mem_free(patterns);
	mem_free(tags);
	return error;
}

/* Whether max_keys are gone. */
static bool full(const struct job *job)
{
	return job->reason && strcmp(job->reason, "max_keys") == 0;
}

static enum error remove_tagged(struct job *job, struct fault *fault)
{
	uint64_t matched;
	bool limited;
	enum error error = job_run_tags(job, TAGS_REMOVE, job_left(job), &matched, &limited, fault);

	if (limited)
		job_reason(job, "max_keys");
	return error;
}

/* Removes by name, by tag, then by pattern, at most job->limit keys. Parks. */
static enum error remove_all(struct job *job, struct fault *fault)
{
	struct job_round round = {.mode = PASS_REMOVE, .keep = true};
	enum error error = job_run_exact(job, true, job_left(job), fault);

	if (!error && !full(job))
		error = remove_tagged(job, fault);
	if (error || full(job))
		return error;
	round.limit = job_left(job);
	error = job_run_passes(job, &round, fault);
	if (round.limited)
		job_reason(job, "max_keys");
	job->again = true;
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
	struct job_round round = {.mode = one_pass ? PASS_HOLD : PASS_COUNT, .keep = one_pass};
	uint64_t counted = 0;
	bool limited = false;
	enum error error = job_run_exact(job, false, UINT64_MAX, fault);

	if (!error && job->matched <= job->limit)
		error = job_run_tags(
			job, TAGS_COUNT, job->limit - job->matched, &counted, &limited, fault);
	if (error)
		return error;
	if (job->matched > job->limit || limited) {
		ask_back(job);
		return OK;
	}
	round.limit = job->limit - job->matched - counted;
	error = job_run_passes(job, &round, fault);
	if (round.limited)
		ask_back(job);
	if (error || round.limited)
		return error;
	if (!one_pass || round.overflowed)
		return remove_all(job, fault);
	error = job_run_exact(job, true, job->limit, fault);
	return error ? error : remove_tagged(job, fault);
}

/* Whether a round that removes nothing meets anything still. */
static enum error look_again(struct job *job, bool *ret, struct fault *fault)
{
	struct job_round round = {.mode = PASS_COUNT};
	uint64_t tagged = 0;
	bool limited = false;
	enum error error = job_run_exact(job, false, UINT64_MAX, fault);

	if (!error)
		error = job_run_tags(job, TAGS_COUNT, 0, &tagged, &limited, fault);
	if (!error)
		error = job_run_passes(job, &round, fault);
	*ret = job->exact_hits || limited || round.limited;
	return error;
}

/* Further rounds until one finds nothing. Soft ones find all again: until one changes nothing.
 * Parks. */
static enum error verify(struct job *job, struct fault *fault)
{
	bool still = true;

	for (int removals = 1; still && !job->reason; removals++) {
		uint64_t before = job->invalidated + job->softened;
		enum error error;

		if (removals == removals_max && !job->asked->soft) {
			error = look_again(job, &still, fault);
		} else {
			error = remove_all(job, fault);
			still = job->invalidated + job->softened > before;
		}
		if (error)
			return error;
		if (still && removals == removals_max)
			job_reason(job, "still_matching");
	}
	return OK;
}

static enum error remove_and_verify(struct job *job, struct fault *fault)
{
	const struct plan *plan = job->plan;
	uint64_t members = 0;
	enum error logged = write_log(job, fault), error = OK;

	if (logged && logged != ERR_REDIS_OOM)
		return logged;
	if (plan->tag_count && !job->confirmed)
		error = tag_purge_members(job->owner->cache, plan, &members, fault);
	if (error)
		return error;
	bool straight = job->confirmed ||
			(plan->pattern_count == 0 && plan->key_count + members <= job->limit);
	error = straight ? remove_all(job, fault) : remove_if_few(job, fault);
	if (error || job->needs_confirmation)
		return error;
	if (logged) {
		if (write_log(job, fault) != OK) {
			job_reason(job, error_code(ERR_REDIS_OOM));
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
	struct job_round round = {.mode = PASS_COUNT, .limit = UINT64_MAX, .keep = true};
	uint64_t matched;
	bool limited;
	enum error error = job_run_exact(job, false, UINT64_MAX, fault);

	if (!error)
		error = job_run_tags(job, TAGS_REPORT, UINT64_MAX, &matched, &limited, fault);
	if (!error)
		error = job_run_passes(job, &round, fault);
	if (!error)
		confirms_issue(job->owner->confirms, job->digest, job->token);
	return error;
}

static const char *reason_of(enum error error)
{
	if (error == ERR_CANCELLED)
		return "cancelled";
	return error_redis(error) == ERROR_REDIS_LOST ? "redis_down" : error_code(error);
}

static void refuse(const struct job *job, struct fault *fault)
{
	if (job->confirm_unknown)
		fault_at(fault, ERR_CONFIRMATION_REQUIRED, "/confirm",
			"the confirmation is not known here, has expired after five minutes, or "
			"belongs to other selectors; this was a dry run: send the same again with "
			"its confirmation");
	else
		fault_set(fault, ERR_CONFIRMATION_REQUIRED,
			"more than %llu keys match; send the same again with this confirmation, or "
			"with max_keys",
			(unsigned long long)job->limit);
}

static enum operation_state verdict(struct job *job, enum error error, struct fault *fault)
{
	if (job->needs_confirmation) {
		refuse(job, fault);
		return OPERATION_FAILED;
	}
	if (error)
		job->reason = reason_of(error);
	if (error == ERR_CANCELLED)
		return OPERATION_CANCELLED;
	if (error && job_left(job) == job->limit) {
		job->not_known = job->matched == 0;
		fault->error = error;
		return OPERATION_FAILED;
	}
	if (!job->reason || strcmp(job->reason, "max_keys") == 0)
		return OPERATION_COMPLETED;
	return OPERATION_PARTIAL;
}

/* Asked first, so that nothing is begun that Redis would refuse in the middle. */
static enum error may_begin(const struct job *job, struct fault *fault)
{
	const struct redis_store *store = job->owner->cache->store;
	enum error error = redis_store_allow(store, FEATURE_INVALIDATE, fault);

	if (!error && job->plan->pattern_count)
		error = redis_store_allow(store, FEATURE_PATTERNS, fault);
	if (!error && job->plan->tag_count)
		error = redis_store_allow(store, FEATURE_TAGS, fault);
	if (!error && job->asked->soft)
		error = redis_store_allow(store, FEATURE_SOFT, fault);
	return error;
}

enum operation_state job_run(
	struct operation *operation, void *context, cJSON **ret_result, struct fault *fault)
{
	struct job *job = context;

	job->operation = operation;
	job->began_ns = clock_mono_ns();
	operation_progress(operation, "planning", 0, 0);
	enum error error = may_begin(job, fault);
	if (!error)
		error = plan_cascade(job->plan, job->owner->cache, fault);
	if (job->plan->too_many_dependents)
		job_reason(job, "too_many_dependents");
	if (job->plan->unreadable_dependents)
		job_reason(job, "unreadable_dependents");
	if (!error)
		error = job->asked->dry_run || job->confirm_unknown ? count_all(job, fault)
								    : remove_and_verify(job, fault);
	job->needs_confirmation |= job->confirm_unknown && !error;
	job->protected_skipped += job->plan->protected_skipped;
	enum operation_state state = verdict(job, error, fault);
	*ret_result = job_result(job);
	if (!job->asked->dry_run && !job->needs_confirmation)
		job_count_metrics(job);
	return state;
}
