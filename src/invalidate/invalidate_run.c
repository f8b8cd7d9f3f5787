/* SPDX-License-Identifier: MIT */
/*
 * An invalidation from top to bottom, in its operation's fiber:
 *
 *	rules -> log -> (few enough? else ask back) -> exact names -> passes -> verify -> verdict
 */
#include "invalidate/invalidate_run.h"

#include "base/mem.h"
#include "cache/logged_delete.h"
#include "invalidate/exact_keys.h"
#include "invalidate/invalidate_outcome.h"
#include "invalidate/invalidation_names.h"
#include "invalidate/tag_purge.h"

enum { rounds_max = 3, retry_ms = 100 };

/* What one round of passes over all patterns found. */
struct invalidate_round {
	enum pass_mode mode;
	uint64_t limit;
	bool keep; /* its counts are the run's */
	/* Out. */
	uint64_t matched, protected_skipped;
	bool limited, overflowed;
};

enum tag_mode {
	TAGS_COUNT,  /* how many are there, up to the limit */
	TAGS_REPORT, /* the same, and that is what the run has matched */
	TAGS_REMOVE, /* removes or softens them */
};

void invalidate_run_free(void *argument)
{
	struct invalidate_run *run = argument;

	if (run->arriving)
		run->owner->arriving--;
	plan_free(run->plan);
	name_list_release(&run->away);
	buf_release(&run->names);
	invalidation_free(run->asked);
	mem_free(run);
}

/* How many keys may still be removed or softened. */
static uint64_t keys_left(const struct invalidate_run *run)
{
	uint64_t touched = run->invalidated + run->modified;

	return run->limit > touched ? run->limit - touched : 0;
}

static struct removal_effect effect_of(struct invalidate_run *run)
{
	struct invalidation *asked = run->asked;

	return (struct removal_effect){
		.soft = asked->soft, .change = asked->change.only ? &asked->change : NULL};
}

/* What a run over the exact keys did becomes the run's. */
static void take_exact(struct invalidate_run *run, const struct exact_keys *exact)
{
	run->matched += exact->first_seen;
	run->exact_hits += exact->hits;
	run->invalidated += exact->removed;
	run->instead += exact->instead;
	run->modified += exact->modified;
}

/* Looks at the keys named exactly, or removes (or softens) them. Parks. */
static enum error run_exact(
	struct invalidate_run *run, bool remove, uint64_t limit, struct fault *fault)
{
	struct cache *cache = run->owner->cache;
	struct slice command = store_unlink(cache->store);
	bool once_more = false;
	struct exact_keys exact = {.cache = cache,
		.plan = run->plan,
		.remove = remove,
		.effect = effect_of(run),
		.limit = limit};

	operation_progress(
		run->operation, remove ? OPERATION_PHASE_REMOVING : OPERATION_PHASE_COUNTING, 0, 0);
	run->exact_hits = 0;
	enum error error = exact_keys_run(&exact, fault);

	if (error == ERR_REDIS_UNKNOWN_OUTCOME)
		once_more = fiber_sleep(retry_ms) == OK;
	else if (remove)
		once_more = removal_try_again(cache, error, &command);
	if (once_more) {
		take_exact(run, &exact);
		exact.limit = limit - exact.hits;
		error = exact_keys_run(&exact, fault);
	}
	take_exact(run, &exact);
	if (remove && exact.limited)
		invalidate_outcome_reason(run, REASON_MAX_KEYS);
	return error;
}

/* What a pass counted for the request becomes the plan's and the run's. */
static void merge(struct invalidate_run *run, const struct pass_request *request)
{
	bool recount = run->recount && invalidation_leaves_keys(run->asked);

	for (size_t i = 0; i < request->counter_count; i++) {
		const struct pass_counter *counter = &request->counters[i];

		if (!recount)
			run->plan->selectors[counter->selector].matched += counter->matched;
		run->plan->selectors[counter->selector].invalidated += counter->invalidated;
	}
	run->matched += recount ? request->invalidated + request->modified : request->matched;
	run->invalidated += request->invalidated;
	run->instead += request->instead;
	run->modified += request->modified;
}

/* As many passes as the patterns need; nearly always one. Parks. */
static enum error run_passes(
	struct invalidate_run *run, struct invalidate_round *round, struct fault *fault)
{
	enum error error = OK;

	for (size_t at = 0; at < run->plan->pattern_count && !error && !round->limited;) {
		struct pass_request *request = pass_request_new(run->plan, &at);

		request->operation = run->operation;
		request->mode = round->mode;
		request->effect = effect_of(run);
		request->limit = round->limit - round->matched;
		request->max_latency_ms = run->max_latency_ms;
		operation_progress(run->operation, OPERATION_PHASE_QUEUED, 0, 0);
		if (run->arriving)
			run->owner->arriving--;
		run->arriving = false;
		error = pass_run(run->owner->passes, request, fault);
		run->passes += request->scans;
		round->matched += request->matched;
		round->protected_skipped += request->protected_skipped;
		round->limited = request->end == PASS_LIMIT;
		invalidate_outcome_pass(run, request);
		round->overflowed |= request->overflowed;
		/* What HOLD only counted is counted again when it is removed. */
		if (round->keep &&
			(round->mode != PASS_HOLD || !(round->limited || request->overflowed)))
			merge(run, request);
		pass_request_free(request);
	}
	/* Another round meets the same keys again. */
	if (round->protected_skipped > run->protected_skipped)
		run->protected_skipped = round->protected_skipped;
	return error;
}

/* A later round may meet the same members again. */
static void take_skipped(struct invalidate_run *run, const struct tag_purge *purge)
{
	if (purge->protected_skipped > run->tags_skipped)
		run->tags_skipped = purge->protected_skipped;
}

/*
 * Looks through the plan's tags. *ret_matched counts keys that are there, up to `limit`;
 * *ret_limited: there were more. Parks.
 */
static enum error run_tags(struct invalidate_run *run, enum tag_mode what, uint64_t limit,
	uint64_t *ret_matched, bool *ret_limited, struct fault *fault)
{
	struct tag_purge purge = {.turns = &run->owner->tag_turns,
		.cache = run->owner->cache,
		.plan = run->plan,
		.operation = run->operation,
		.remove = what == TAGS_REMOVE,
		.effect = effect_of(run),
		.recount = run->recount,
		.report = what != TAGS_COUNT,
		.limit = limit,
		.max_latency_ms = run->max_latency_ms};
	enum error error = OK;

	if (run->plan->tag_count)
		error = tag_purge_run(&purge, fault);
	take_skipped(run, &purge);
	if (what != TAGS_COUNT)
		run->matched += purge.matched;
	run->invalidated += purge.removed;
	run->instead += purge.instead;
	run->modified += purge.modified;
	if (purge.changed)
		invalidate_outcome_reason(run, REASON_TOPOLOGY_CHANGED);
	*ret_matched = purge.matched;
	*ret_limited = purge.limited;
	return error;
}

/* Whether as many keys are gone as may be. */
static bool reached_max_keys(const struct invalidate_run *run)
{
	return run->reason == REASON_MAX_KEYS;
}

static enum error remove_tagged(struct invalidate_run *run, struct fault *fault)
{
	uint64_t matched;
	bool limited;
	enum error error = run_tags(run, TAGS_REMOVE, keys_left(run), &matched, &limited, fault);

	if (limited)
		invalidate_outcome_reason(run, REASON_MAX_KEYS);
	return error;
}

/* Removes by name, by tag, then by pattern, at most run->limit keys. Parks. */
static enum error remove_all(struct invalidate_run *run, struct fault *fault)
{
	struct invalidate_round round = {.mode = PASS_REMOVE, .keep = true};
	enum error error = run_exact(run, true, keys_left(run), fault);

	if (!error && !reached_max_keys(run))
		error = remove_tagged(run, fault);
	if (error || reached_max_keys(run))
		return error;
	round.limit = keys_left(run);
	error = run_passes(run, &round, fault);
	if (round.limited)
		invalidate_outcome_reason(run, REASON_MAX_KEYS);
	run->recount = true;
	return error;
}

static void ask_back(struct invalidate_run *run)
{
	run->needs_confirmation = true;
	confirms_issue(run->owner->confirms, run->digest, run->confirmation);
}

/*
 * Without a confirmation matching keys are counted first. Their names are held meanwhile; if they
 * are few, that was the only pass. Parks.
 */
static enum error remove_if_few(struct invalidate_run *run, struct fault *fault)
{
	bool one_pass = run->plan->pattern_count <= PASS_COUNTERS;
	struct invalidate_round round = {
		.mode = one_pass ? PASS_HOLD : PASS_COUNT, .keep = one_pass};
	uint64_t counted = 0;
	bool limited = false;
	enum error error = run_exact(run, false, UINT64_MAX, fault);

	if (!error && run->matched <= run->limit)
		error = run_tags(
			run, TAGS_COUNT, run->limit - run->matched, &counted, &limited, fault);
	if (error)
		return error;
	if (run->matched > run->limit || limited) {
		ask_back(run);
		return OK;
	}
	round.limit = run->limit - run->matched - counted;
	error = run_passes(run, &round, fault);
	if (round.limited)
		ask_back(run);
	if (error || round.limited)
		return error;
	if (!one_pass || round.overflowed)
		return remove_all(run, fault);
	error = run_exact(run, true, run->limit, fault);
	return error ? error : remove_tagged(run, fault);
}

/* *ret: whether keys that match are still there. Removes nothing. Parks. */
static enum error count_remaining(struct invalidate_run *run, bool *ret, struct fault *fault)
{
	struct invalidate_round round = {.mode = PASS_COUNT};
	uint64_t tagged = 0;
	bool limited = false;
	enum error error = run_exact(run, false, UINT64_MAX, fault);

	if (!error)
		error = run_tags(run, TAGS_COUNT, 0, &tagged, &limited, fault);
	if (!error)
		error = run_passes(run, &round, fault);
	*ret = run->exact_hits || limited || round.limited;
	return error;
}

/* One more round of removing; *ret: whether it met a key that it changed. Parks. */
static enum error remove_again(struct invalidate_run *run, bool *ret, struct fault *fault)
{
	uint64_t before = run->invalidated + run->modified;
	enum error error = remove_all(run, fault);

	*ret = run->invalidated + run->modified > before;
	return error;
}

/*
 * Removes until a round meets nothing; after the last round it counts what remains. Softened keys
 * are always met: there a round that changes none is the end. Parks.
 */
static enum error verify(struct invalidate_run *run, struct fault *fault)
{
	enum error error;
	bool remain;

	for (int round = 1; round < rounds_max && !run->reason; round++) {
		bool changed;

		error = remove_again(run, &changed, fault);
		if (error || !changed)
			return error;
	}
	if (run->reason)
		return OK;
	error = invalidation_leaves_keys(run->asked) ? remove_again(run, &remain, fault)
						     : count_remaining(run, &remain, fault);
	if (!error && remain)
		invalidate_outcome_reason(run, REASON_STILL_MATCHING);
	return error;
}

/* ERR_CONFIRMATION_REQUIRED: nothing was removed. A logged_delete_function. */
static enum error remove_planned(void *context, struct fault *fault)
{
	struct invalidate_run *run = context;
	const struct plan *plan = run->plan;
	uint64_t members = 0;
	enum error error = OK;

	if (run->recount || run->confirmed)
		return remove_all(run, fault);
	if (plan->tag_count)
		error = tag_purge_members(run->owner->cache, plan, &members, fault);
	if (error)
		return error;
	if (plan->pattern_count == 0 && plan->key_count + members <= run->limit)
		return remove_all(run, fault);
	error = remove_if_few(run, fault);
	run->recount = !error;
	return !error && run->needs_confirmation ? ERR_CONFIRMATION_REQUIRED : error;
}

/* Logs what the plan names, then removes it. Parks. */
static enum error remove_logged(struct invalidate_run *run, bool *ret_logged, struct fault *fault)
{
	const struct plan *plan = run->plan;
	struct slice *names =
		mem_array(plan->key_count + plan->pattern_count + plan->tag_count, sizeof *names);
	struct inval_entry entry = {.operation_id = operation_id(run->operation),
		.by = run->asked->by,
		.mode = run->asked->soft	    ? INVAL_SOFT
			: run->asked->change.spread ? INVAL_SPREAD
						    : NULL,
		.keys = names};
	size_t n = 0;

	if (run->asked->conf->events.names)
		invalidation_names_json(plan, &run->names);
	for (size_t i = 0; i < plan->key_count; i++)
		if (plan_key_is_claimed(&plan->keys[i]))
			names[n++] = plan->keys[i].name;
	entry.key_count = n;
	entry.patterns = &names[n];
	for (size_t i = 0; i < plan->pattern_count; i++)
		names[n++] = plan->patterns[i].glob;
	entry.pattern_count = plan->pattern_count;
	entry.tags = &names[n];
	for (size_t i = 0; i < plan->tag_count; i++)
		names[n++] = plan->tags[i].name;
	entry.tag_count = plan->tag_count;
	enum error error =
		logged_delete(run->owner->cache, &entry, remove_planned, run, ret_logged, fault);
	mem_free(names);
	return error;
}

static enum error remove_and_verify(struct invalidate_run *run, struct fault *fault)
{
	bool logged = true;
	/* Another TTL makes no value old. */
	enum error error = invalidation_expires(run->asked) ? remove_planned(run, fault)
							    : remove_logged(run, &logged, fault);

	if (error == ERR_CONFIRMATION_REQUIRED)
		return OK;
	if (!error && !logged)
		invalidate_outcome_error(run, ERR_REDIS_OOM);
	else if (!error && run->asked->verify)
		error = verify(run, fault);
	return error;
}

/* Of POST /expire also which of them would be changed. Parks. */
static enum error count_all(struct invalidate_run *run, struct fault *fault)
{
	bool look = run->asked->dry_run && invalidation_expires(run->asked);
	struct invalidate_round round = {
		.mode = look ? PASS_REMOVE : PASS_COUNT, .limit = UINT64_MAX, .keep = true};
	uint64_t matched;
	bool limited;

	run->asked->change.look = look;
	enum error error = run_exact(run, false, UINT64_MAX, fault);

	if (!error)
		error = run_tags(run, TAGS_REPORT, UINT64_MAX, &matched, &limited, fault);
	if (!error)
		error = run_passes(run, &round, fault);
	if (!error)
		confirms_issue(run->owner->confirms, run->digest, run->confirmation);
	return error;
}

/* Asked first, so that nothing is begun that Redis would refuse in the middle. */
static enum error may_begin(const struct invalidate_run *run, struct fault *fault)
{
	const struct store *store = run->owner->cache->store;
	enum error error = store_allow(store, FEATURE_INVALIDATE, fault);

	if (!error && run->plan->pattern_count)
		error = store_allow(store, FEATURE_PATTERNS, fault);
	if (!error && run->plan->tag_count)
		error = store_allow(store, FEATURE_TAGS, fault);
	if (!error && run->asked->soft)
		error = store_allow(store, FEATURE_SOFT, fault);
	if (!error && run->asked->change.only)
		error = store_allow(store, FEATURE_EXPIRE, fault);
	return error;
}

/* Starts the runs of warm jobs that were asked for. */
static void rewarm(const struct invalidate_run *run, struct invalidation_result *result)
{
	const struct invalidation *asked = run->asked;
	const struct invalidator *owner = run->owner;
	struct buf note = {0};

	if (!owner->rewarm || asked->dry_run || asked->rewarm_count == 0)
		return;
	buf_str(&note, "rewarm: ");
	buf_str(&note, operation_id(run->operation));
	result->rewarmed = mem_array(asked->rewarm_count, sizeof *result->rewarmed);
	result->rewarmed_count = asked->rewarm_count;
	for (size_t i = 0; i < asked->rewarm_count; i++) {
		const struct invalidation_rewarm want = {asked->rewarm[i], asked->by, note.p};
		struct invalidation_rewarmed *at = &result->rewarmed[i];
		struct fault fault;

		*at = (struct invalidation_rewarmed){.job = slice_dup(want.job)};
		if (owner->rewarm(owner->rewarm_context, &want, at->operation_id, &fault))
			at->why = mem_strdup(fault.detail);
	}
	buf_release(&note);
}

enum operation_state invalidate_run(
	struct operation *operation, void *context, void **ret_result, struct fault *fault)
{
	struct invalidate_run *run = context;

	run->operation = operation;
	run->began_ns = clock_mono_ns();
	operation_progress(operation, OPERATION_PHASE_PLANNING, 0, 0);
	enum error error = may_begin(run, fault);
	if (!error)
		error = plan_cascade(run->plan, run->owner->cache, fault);
	if (run->plan->too_many_dependents)
		invalidate_outcome_reason(run, REASON_TOO_MANY_DEPENDENTS);
	if (run->plan->unreadable_dependents)
		invalidate_outcome_reason(run, REASON_UNREADABLE_DEPENDENTS);
	if (!error)
		error = run->asked->dry_run || run->confirm_unknown ? count_all(run, fault)
								    : remove_and_verify(run, fault);
	run->needs_confirmation |= run->confirm_unknown && !error;
	run->protected_skipped += run->plan->protected_skipped;
	enum operation_state state = invalidate_outcome_state(run, error, fault);
	if (!run->asked->dry_run && !run->needs_confirmation)
		invalidate_outcome_count(run);
	struct invalidation_result *result = invalidate_outcome_result(run);
	if (state == OPERATION_COMPLETED || run->invalidated + run->modified)
		rewarm(run, result);
	*ret_result = result;
	return state;
}
