/* SPDX-License-Identifier: MIT */
/* Who waits for a pass, when one begins, and how it ends; see pass.h. The pages: pass_page.c. */
#include "cache/pass.h"

#include <assert.h>

#include "base/glob.h"
#include "base/mem.h"
#include "cache/pass_internal.h"

enum {
	company_ms = 5,	 /* a pass waits so long for others */
	beside_ms = 100, /* and so long while another runs, unless it is full */
	leave_ms = 3000, /* what a cancelled request waits for its last replies */
	walks_max = 2,
	reconnect_ms = 5000,
	reconnect_look_ms = 50,
};

struct passes *passes_new(struct cw *cw)
{
	struct passes *passes = mem_new(struct passes);

	passes->cw = cw;
	fiber_group_init(&passes->group, cw->loop);
	return passes;
}

void passes_free(struct passes *passes)
{
	if (!passes)
		return;
	assert(!passes->first && passes->group.count == 0);
	mem_free(passes);
}

void passes_stop(struct passes *passes, int64_t deadline)
{
	fiber_group_cancel(&passes->group);
	fiber_group_join(&passes->group, deadline);
}

uint64_t passes_total(const struct passes *passes)
{
	return passes->total;
}

struct slice passes_remove_command(const struct passes *passes)
{
	return passes->no_unlink ? SLICE("DEL") : SLICE("UNLINK");
}

size_t passes_waiting(const struct passes *passes)
{
	return passes->waiting;
}

/* The slot of a selector, new or not; PASS_SLOTS where there is none left. */
static unsigned slot_of(struct pass_request *request, uint32_t selector)
{
	unsigned i = 0;

	while (i < request->slot_count && request->slots[i].selector != selector)
		i++;
	if (i == request->slot_count && i < PASS_SLOTS)
		request->slots[request->slot_count++] = (struct pass_slot){.selector = selector};
	return i;
}

struct pass_request *pass_request_new(struct plan *plan, size_t *at)
{
	struct pass_request *request = mem_new(struct pass_request);
	size_t left = plan->pattern_count - *at;

	request->plan = plan;
	request->limit = UINT64_MAX;
	request->patterns =
		mem_array(left < PASS_PATTERNS ? left : PASS_PATTERNS, sizeof *request->patterns);
	while (*at < plan->pattern_count && request->pattern_count < PASS_PATTERNS) {
		const struct plan_pattern *from = &plan->patterns[*at];
		unsigned slot = slot_of(request, from->selector);

		if (slot == PASS_SLOTS)
			break;
		struct pass_pattern *to = &request->patterns[request->pattern_count++];
		pattern_init(&to->pattern, from->glob);
		to->slot = slot;
		++*at;
	}
	return request;
}

void pass_request_free(struct pass_request *request)
{
	if (!request)
		return;
	buf_release(&request->held);
	mem_free(request->patterns);
	mem_free(request);
}

uint64_t pass_member_mask(const struct pass_request *member)
{
	uint64_t all = member->slot_count == PASS_SLOTS ? UINT64_MAX
							: (UINT64_C(1) << member->slot_count) - 1;

	return all << member->first_bit;
}

void pass_release(struct pass_request *member)
{
	if (member->pass)
		member->pass->members[member->place] = NULL;
	member->pass = NULL;
	member->done = true;
	fiber_cond_broadcast(&member->ended);
}

bool pass_empty(const struct pass *pass)
{
	for (size_t i = 0; i < pass->member_count; i++)
		if (pass->members[i])
			return false;
	return true;
}

/* Moves who waits into the pass, in order, as many as fit. */
static void take_waiting(struct pass *pass)
{
	struct passes *owner = pass->owner;
	size_t slots = 0, patterns = 0;

	while (owner->first && slots + owner->first->slot_count <= PASS_SLOTS &&
		patterns + owner->first->pattern_count <= PASS_PATTERNS) {
		struct pass_request *member = owner->first;

		owner->first = member->next;
		if (!owner->first)
			owner->last = NULL;
		owner->waiting--;
		owner->waiting_slots -= member->slot_count;
		member->next = NULL;
		member->pass = pass;
		member->place = (unsigned)pass->member_count;
		member->first_bit = (unsigned)slots;
		pass->members[pass->member_count++] = member;
		slots += member->slot_count;
		patterns += member->pattern_count;
	}
}

/* The part of the glob with which all matches of all patterns begin, for the server to filter by.
 */
static void common_glob(const struct pass *pass, struct buf *out)
{
	struct buf common = {0}, one = {0};
	size_t count = 0;

	for (size_t i = 0; i < pass->member_count; i++) {
		const struct pass_request *member = pass->members[i];

		for (size_t j = 0; member && j < member->pattern_count; j++, count++) {
			size_t same = 0;

			buf_clear(&one);
			glob_prefix(member->patterns[j].pattern.glob, &one);
			while (count && same < one.n && same < common.n &&
				one.p[same] == common.p[same])
				same++;
			if (count == 0)
				buf_add(&common, buf_slice(&one));
			else
				common.n = same;
			if (count == 0)
				buf_add(out, member->patterns[j].pattern.glob);
		}
	}
	if (count != 1) {
		buf_clear(out);
		if (common.n) {
			glob_escape(buf_slice(&common), out);
			buf_char(out, '*');
		}
	}
	buf_release(&common);
	buf_release(&one);
}

/* The tightest pace of all members; 0 = all are unpaced. */
static double tightest(const struct pass *pass)
{
	double least = 0;

	for (size_t i = 0; i < pass->member_count; i++) {
		double wish = pass->members[i] ? pass->members[i]->max_latency_ms : 0;

		if (wish > 0 && (least <= 0 || wish < least))
			least = wish;
	}
	return least;
}

/* Before a walk begins (again): what earlier ones did not settle is not counted. */
static void reset_counts(struct pass *pass)
{
	for (size_t i = 0; i < pass->member_count; i++) {
		struct pass_request *member = pass->members[i];

		if (!member)
			continue;
		member->in_flight = 0;
		member->walks++;
		if (member->leaving)
			continue;
		member->matched = member->invalidated;
		for (size_t j = 0; j < member->slot_count; j++)
			member->slots[j].matched = member->slots[j].invalidated;
		member->protected_skipped = 0;
		member->overflowed = false;
		buf_clear(&member->held);
	}
}

static void set_ends(struct pass *pass, bool changed)
{
	for (size_t i = 0; i < pass->member_count; i++)
		if (pass->members[i] && !pass->members[i]->leaving)
			pass->members[i]->end = changed ? PASS_CHANGED : PASS_ALL;
}

/* One walk between two looks at who the servers are. Parks. */
static enum error walk_once(struct pass *pass, struct fault *fault)
{
	struct cw *cw = pass->owner->cw;
	struct walk_snapshot *before = NULL, *after = NULL;
	struct walk_handler handler = pass_page_handler;
	struct buf match = {0};

	reset_counts(pass);
	enum error error = walk_snapshot_take(cw, &before, fault);
	if (error)
		return error;
	common_glob(pass, &match);
	handler.context = pass;
	pass->keys = walk_snapshot_keys(before);
	pass->owner->total++;
	if (cw->metrics)
		metric_add(cw->metrics, METRIC_INVALIDATE_PASSES, NULL, NULL, 1);
	error = walk_run(
		&(struct walk_spec){cw, buf_slice(&match), tightest(pass), &handler}, fault);
	buf_release(&match);
	if (!error)
		error = pass_remove_held(pass, fault);
	if (!error && !pass_empty(pass))
		error = walk_snapshot_take(cw, &after, fault);
	if (after)
		set_ends(pass, !walk_snapshot_equal(before, after));
	walk_snapshot_free(before);
	walk_snapshot_free(after);
	return error;
}

static bool connection_error(enum error error)
{
	return error == ERR_REDIS_UNKNOWN_OUTCOME || error == ERR_REDIS_UNAVAILABLE ||
	       error == ERR_REDIS_PROTOCOL || error == ERR_TIMEOUT || error == ERR_REDIS_LOADING;
}

/* Gives the connection the time to come back. Parks. */
static enum error await_redis(struct pass *pass)
{
	int64_t deadline = clock_deadline(reconnect_ms);
	enum error error;

	do
		error = fiber_sleep(reconnect_look_ms);
	while (!error && !pass_empty(pass) && clock_mono_ms() < deadline &&
		redis_store_state(pass->owner->cw->store).status != REDIS_UP);
	return error;
}

static enum error walk_with_retry(struct pass *pass, struct fault *fault)
{
	enum error error = OK;

	for (int walk = 0; walk < walks_max; walk++) {
		error = walk_once(pass, fault);
		if (pass->unknown_command) {
			pass->unknown_command = false;
			pass->owner->no_unlink = true;
			error = walk_once(pass, fault);
		}
		if (!connection_error(error) || pass_empty(pass))
			break;
		if (walk + 1 < walks_max && await_redis(pass) != OK)
			return ERR_CANCELLED;
	}
	return error;
}

static void schedule(struct passes *passes);

/* Waits until the pass is full, or nobody else came for a while. Parks. */
static void gather(struct passes *passes)
{
	int64_t alone = clock_deadline(company_ms), beside = clock_deadline(beside_ms);

	while (!fiber_cancelled() && passes->waiting_slots < PASS_SLOTS) {
		int64_t until = passes->running ? beside : alone;

		if (clock_mono_ms() >= until)
			break;
		fiber_park(until);
	}
	passes->gatherer = NULL;
}

static void end_members(struct pass *pass, enum error error, const struct fault *fault)
{
	for (size_t i = 0; i < pass->member_count; i++) {
		struct pass_request *member = pass->members[i];

		if (!member)
			continue;
		/* Who has left was served before the error came. */
		if (error && !member->leaving) {
			member->error = error;
			member->fault = *fault;
		}
		pass_release(member);
	}
}

static void pass_fiber(void *argument)
{
	struct passes *owner = argument;
	struct pass *pass = mem_new(struct pass);
	struct redis_node *const *nodes;
	struct fault fault = {0};

	pass->owner = owner;
	gather(owner);
	take_waiting(pass);
	if (pass->member_count) {
		owner->running++;
		schedule(owner);
		pass->primaries = redis_store_primaries(owner->cw->store, &nodes);
		pass->seen = mem_array(pass->primaries, sizeof *pass->seen);
		enum error error = walk_with_retry(pass, &fault);
		end_members(pass, error, &fault);
		owner->running--;
	}
	mem_free(pass->seen);
	mem_free(pass);
	if (owner->gatherer)
		fiber_wake(owner->gatherer);
	schedule(owner);
}

static void schedule(struct passes *passes)
{
	size_t most = (size_t)passes->cw->conf->invalidate.concurrency;

	if (passes->first && !passes->gatherer && passes->running < most)
		passes->gatherer = fiber_spawn(&passes->group, "pass", pass_fiber, passes);
}

static void enqueue(struct passes *passes, struct pass_request *request)
{
	if (passes->last)
		passes->last->next = request;
	else
		passes->first = request;
	passes->last = request;
	passes->waiting++;
	passes->waiting_slots += request->slot_count;
	schedule(passes);
	if (passes->waiting_slots >= PASS_SLOTS && passes->gatherer)
		fiber_wake(passes->gatherer);
}

static void remove_waiting(struct passes *passes, struct pass_request *request)
{
	struct pass_request *before = NULL;

	for (struct pass_request *at = passes->first; at != request; at = at->next)
		before = at;
	if (before)
		before->next = request->next;
	else
		passes->first = request->next;
	if (passes->last == request)
		passes->last = before;
	passes->waiting--;
	passes->waiting_slots -= request->slot_count;
}

/* The request's fiber was cancelled: what is on its way is still counted. Parks. */
static void leave(struct passes *passes, struct pass_request *request)
{
	if (!request->pass) {
		remove_waiting(passes, request);
		return;
	}
	request->leaving = true;
	fiber_cleanup_begin(leave_ms);
	while (!request->done && fiber_cond_wait(&request->ended, DEADLINE_NONE) == OK)
		;
	fiber_cleanup_end();
	if (!request->done)
		pass_release(request);
}

enum error pass_run(struct passes *passes, struct pass_request *request, struct fault *fault)
{
	enum error error = OK;

	enqueue(passes, request);
	while (!request->done && !error)
		error = fiber_cond_wait(&request->ended, DEADLINE_NONE);
	if (!request->done) {
		leave(passes, request);
		return error;
	}
	if (request->error && fault)
		*fault = request->fault;
	return request->error;
}
