/* SPDX-License-Identifier: MIT */
/* Queueing, starting and finishing passes; see pass.h. What a pass does: pass_scan.c. */
#include "invalidate/pass.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/mem.h"
#include "invalidate/pass_internal.h"

enum {
	batching_ms = 5,	/* a pass waits so long for more requests */
	batching_busy_ms = 100, /* and so long while another pass runs, unless it is full */
	leave_ms = 3000,	/* what a cancelled request waits for its last replies */
};

/* The counter of a selector, new or not; PASS_COUNTERS where there is none left. */
static unsigned selector_counter(struct pass_request *request, uint32_t selector)
{
	unsigned i = 0;

	while (i < request->counter_count && request->counters[i].selector != selector)
		i++;
	if (i == request->counter_count && i < PASS_COUNTERS)
		request->counters[request->counter_count++] =
			(struct pass_counter){.selector = selector};
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
		unsigned counter = selector_counter(request, from->selector);

		if (counter == PASS_COUNTERS)
			break;
		struct pass_pattern *to = &request->patterns[request->pattern_count++];
		pattern_init(&to->pattern, from->glob);
		to->counter = counter;
		++*at;
	}
	return request;
}

void pass_request_free(struct pass_request *request)
{
	if (!request)
		return;
	buf_release(&request->held);
	name_list_release(&request->away);
	mem_free(request->patterns);
	mem_free(request);
}

uint64_t pass_member_mask(const struct pass_request *member)
{
	uint64_t all = member->counter_count == PASS_COUNTERS
			       ? UINT64_MAX
			       : (UINT64_C(1) << member->counter_count) - 1;

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

struct pass_queue *pass_queue_new(struct cache *cache)
{
	struct pass_queue *passes = mem_new(struct pass_queue);

	passes->cache = cache;
	fiber_group_init(&passes->group, "passes", cache->loop);
	return passes;
}

void pass_queue_free(struct pass_queue *passes)
{
	if (!passes)
		return;
	assert(!passes->first && passes->group.count == 0);
	mem_free(passes);
}

void pass_queue_stop(struct pass_queue *passes, int64_t deadline)
{
	fiber_group_cancel(&passes->group);
	fiber_group_join(&passes->group, deadline);
}

uint64_t pass_queue_total(const struct pass_queue *passes)
{
	return passes->total;
}

size_t pass_queue_waiting(const struct pass_queue *passes)
{
	return passes->waiting;
}

size_t pass_queue_running(const struct pass_queue *passes)
{
	return passes->running;
}

/* Moves waiting requests into the pass, in order, as many as fit. */
static void take_waiting(struct pass *pass)
{
	struct pass_queue *owner = pass->owner;
	size_t counters = 0, patterns = 0;

	while (owner->first && counters + owner->first->counter_count <= PASS_COUNTERS &&
		patterns + owner->first->pattern_count <= PASS_PATTERNS) {
		struct pass_request *member = owner->first;

		owner->first = member->next;
		if (!owner->first)
			owner->last = NULL;
		owner->waiting--;
		owner->waiting_counters -= member->counter_count;
		member->next = NULL;
		member->pass = pass;
		member->place = (unsigned)pass->member_count;
		member->first_bit = (unsigned)counters;
		pass->members[pass->member_count++] = member;
		counters += member->counter_count;
		patterns += member->pattern_count;
		log_debug_as(owner->cache->log, member->id, "%s serves it", fiber_id());
	}
}

/* A pass works for several operations: its lines in the log have an id of its own. */
static void take_id(struct pass_queue *owner)
{
	char id[32];

	snprintf(id, sizeof id, "pass-%" PRIu64, ++owner->begun);
	fiber_set_id(fiber_current(), id);
}

static void schedule(struct pass_queue *passes);

/* Waits until the pass is full, or no other request has come for a while. Parks. */
static void collect(struct pass_queue *passes)
{
	int64_t idle = clock_deadline(batching_ms), busy = clock_deadline(batching_busy_ms);

	while (!fiber_cancelled() && passes->waiting_counters < PASS_COUNTERS) {
		int64_t until = passes->running ? busy : idle;

		if (clock_mono_ms() >= until)
			break;
		fiber_park("more requests for the pass", until);
	}
	passes->collector = NULL;
}

static void end_members(struct pass *pass, enum error error, const struct fault *fault)
{
	for (size_t i = 0; i < pass->member_count; i++) {
		struct pass_request *member = pass->members[i];

		if (!member)
			continue;
		/* A member that has left was served before the error occurred. */
		if (error && !member->leaving) {
			member->error = error;
			member->fault = *fault;
		}
		pass_release(member);
	}
}

static void pass_fiber(void *argument)
{
	struct pass_queue *owner = argument;
	struct pass *pass = mem_new(struct pass);
	struct fault fault = {0};

	pass->owner = owner;
	collect(owner);
	take_id(owner);
	take_waiting(pass);
	if (pass->member_count) {
		owner->running++;
		log_debug(owner->cache->log, "begins for %zu requests", pass->member_count);
		schedule(owner);
		enum error error = pass_scan(pass, &fault);
		log_debug(owner->cache->log, "ends: %s", error ? error_code(error) : "ok");
		end_members(pass, error, &fault);
		owner->running--;
	}
	mem_free(pass->seen);
	mem_free(pass);
	if (owner->collector)
		fiber_wake(owner->collector);
	schedule(owner);
}

static void schedule(struct pass_queue *passes)
{
	size_t most = (size_t)passes->cache->conf->invalidate.concurrency;

	if (passes->first && !passes->collector && passes->running < most)
		passes->collector = fiber_spawn(&passes->group, "pass", pass_fiber, passes);
}

static void enqueue(struct pass_queue *passes, struct pass_request *request)
{
	if (passes->last)
		passes->last->next = request;
	else
		passes->first = request;
	passes->last = request;
	passes->waiting++;
	passes->waiting_counters += request->counter_count;
	schedule(passes);
	if (passes->waiting_counters >= PASS_COUNTERS && passes->collector)
		fiber_wake(passes->collector);
}

static void remove_waiting(struct pass_queue *passes, struct pass_request *request)
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
	passes->waiting_counters -= request->counter_count;
}

/* The request's fiber was cancelled: what is on its way is still counted. Parks. */
static void leave(struct pass_queue *passes, struct pass_request *request)
{
	if (!request->pass) {
		remove_waiting(passes, request);
		return;
	}
	request->leaving = true;
	fiber_cleanup_begin(leave_ms);
	while (!request->done && fiber_cond_wait(&request->ended, "a pass", DEADLINE_NONE) == OK)
		;
	fiber_cleanup_end();
	if (!request->done)
		pass_release(request);
}

enum error pass_run(struct pass_queue *passes, struct pass_request *request, struct fault *fault)
{
	struct log *log = passes->cache->log;
	enum error error = OK;

	request->id = fiber_id();
	log_debug(log, "waits for a pass with %zu patterns", request->pattern_count);
	enqueue(passes, request);
	while (!request->done && !error)
		error = fiber_cond_wait(&request->ended, "a pass", DEADLINE_NONE);
	if (!request->done) {
		leave(passes, request);
		return error;
	}
	log_debug(log,
		"its pass has ended after %u scans: %" PRIu64 " matched, %" PRIu64 " invalidated",
		request->scans, request->matched, request->invalidated);
	if (request->error && fault)
		*fault = request->fault;
	return request->error;
}
