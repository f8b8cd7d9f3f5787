/* SPDX-License-Identifier: MIT */
/*
 * Fibers, scheduled by the loop's turn.
 *
 *	loop's turn: fiber_scheduler_run() --switch--> fiber --fiber_park()--> back to the turn
 *
 * Special: every switch is announced to the sanitizers, every stack to valgrind. Idle fibers keep
 * their stack for the next function; at most 64 are kept.
 */
#include "base/fiber.h"

#include <assert.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <uv.h>

#include "base/fiber_internal.h"
#include "base/fiber_sanitizer.h"
#include "base/fiber_switch.h"
#include "base/loop.h"
#include "base/mem.h"

enum { stack_bytes = 256 * 1024, idle_max = 64, stop_ms = 5000 };

static _Thread_local struct fiber *current;
/* The running scheduler, for tests/gdb/fibers.py alone. */
static _Thread_local struct fiber_scheduler *fiber_scheduler_here __attribute__((used));

static size_t guard_bytes(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

static void switch_to_fiber(struct fiber *f)
{
	struct fiber_scheduler *s = f->scheduler;

	f->state = FIBER_RUNNING;
	current = f;
	fiber_sanitizer_before_switch(&s->asan_fake_stack, f->stack + guard_bytes(), stack_bytes);
	s->tsan_fiber = fiber_sanitizer_current();
	fiber_sanitizer_switch(f->tsan_fiber);
	fiber_switch(&s->place, &f->place);
	fiber_sanitizer_after_switch(s->asan_fake_stack, NULL, NULL);
	current = NULL;
}

static void switch_to_loop(struct fiber *f)
{
	struct fiber_scheduler *s = f->scheduler;

	fiber_sanitizer_before_switch(&f->asan_fake_stack, s->asan_stack, s->asan_stack_bytes);
	fiber_sanitizer_switch(s->tsan_fiber);
	fiber_switch(&f->place, &s->place);
	fiber_sanitizer_after_switch(f->asan_fake_stack, &s->asan_stack, &s->asan_stack_bytes);
}

static void join_live(struct fiber *f)
{
	struct fiber_scheduler *s = f->scheduler;

	f->live_prev = NULL;
	f->live_next = s->live;
	if (s->live)
		s->live->live_prev = f;
	s->live = f;
}

static void leave_live(struct fiber *f)
{
	if (f->live_prev)
		f->live_prev->live_next = f->live_next;
	else
		f->scheduler->live = f->live_next;
	if (f->live_next)
		f->live_next->live_prev = f->live_prev;
}

static void leave_group(struct fiber *f)
{
	struct fiber_group *group = f->group;

	if (f->group_prev)
		f->group_prev->group_next = f->group_next;
	else
		group->members = f->group_next;
	if (f->group_next)
		f->group_next->group_prev = f->group_prev;
	f->group = NULL;
	if (--group->count == 0 && group->joiner)
		fiber_wake(group->joiner);
}

/* The bottom frame of every fiber: runs one function each time it leaves the idle ones. */
static void fiber_main(void)
{
	struct fiber *f = current;

	fiber_sanitizer_after_switch(
		NULL, &f->scheduler->asan_stack, &f->scheduler->asan_stack_bytes);
	for (;;) {
		f->function(f->argument);
		assert(f->cleanup_deadline == 0 && f->cond == NULL && f->waits == 0);
		leave_group(f);
		leave_live(f);
		f->state = FIBER_IDLE;
		switch_to_loop(f);
	}
}

static struct fiber *fiber_create(struct fiber_scheduler *s)
{
	struct fiber *f = mem_new(struct fiber);
	size_t guard = guard_bytes();

	/* As all memory: the process cannot go on without it. */
	while ((f->stack = mmap(NULL, guard + stack_bytes, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0)) ==
		MAP_FAILED)
		mem_missing(guard + stack_bytes);
	if (mprotect(f->stack, guard, PROT_NONE) != 0)
		mem_exhausted();
	f->valgrind_id = VALGRIND_STACK_REGISTER(f->stack + guard, f->stack + guard + stack_bytes);
	f->tsan_fiber = fiber_sanitizer_create();
	f->scheduler = s;
	uv_timer_init(s->uv, &f->timer);
	f->timer.data = f;
	fiber_place_make(&f->place, f->stack + guard, stack_bytes, fiber_main);
	return f;
}

static void timer_closed(uv_handle_t *handle)
{
	struct fiber *f = handle->data;

	mem_free(f);
}

static void fiber_destroy(struct fiber *f)
{
	VALGRIND_STACK_DEREGISTER(f->valgrind_id);
	fiber_sanitizer_destroy(f->tsan_fiber);
	munmap(f->stack, guard_bytes() + stack_bytes);
	uv_close((uv_handle_t *)&f->timer, timer_closed);
}

static void retire(struct fiber *f)
{
	struct fiber_scheduler *s = f->scheduler;

	if (s->idle_count == idle_max) {
		fiber_destroy(f);
		return;
	}
	f->ready_next = s->idle;
	s->idle = f;
	s->idle_count++;
}

static void make_ready(struct fiber *f)
{
	struct fiber_scheduler *s = f->scheduler;

	f->state = FIBER_READY;
	f->since_ms = (int64_t)uv_now(s->uv);
	f->ready_next = NULL;
	if (s->ready_last)
		s->ready_last->ready_next = f;
	else
		s->ready_first = f;
	s->ready_last = f;
}

struct fiber_scheduler *fiber_scheduler_new(void *uv_loop)
{
	struct fiber_scheduler *s = mem_new(struct fiber_scheduler);

	s->uv = uv_loop;
	return s;
}

void fiber_scheduler_free(struct fiber_scheduler *s)
{
	assert(!s->ready_first);
	while (s->idle) {
		struct fiber *f = s->idle;

		s->idle = f->ready_next;
		fiber_destroy(f);
	}
	mem_free(s);
}

bool fiber_scheduler_ready(const struct fiber_scheduler *s)
{
	return s->ready_first != NULL;
}

bool fiber_scheduler_run(struct fiber_scheduler *s)
{
	struct fiber *f = s->ready_first;
	bool any = f != NULL;

	fiber_scheduler_here = s;
	/* What becomes ready meanwhile waits for the next round: no fiber starves others. */
	s->ready_first = s->ready_last = NULL;
	while (f) {
		struct fiber *next = f->ready_next;

		switch_to_fiber(f);
		if (f->state == FIBER_IDLE)
			retire(f);
		f = next;
	}
	return any;
}

void fiber_group_init(struct fiber_group *group, const char *name, struct loop *loop)
{
	*group = (struct fiber_group){.name = name, .loop = loop};
}

struct fiber *fiber_spawn(
	struct fiber_group *group, const char *name, fiber_function *function, void *argument)
{
	struct fiber_scheduler *s = loop_fibers(group->loop);
	struct fiber *f = s->idle;

	if (f) {
		s->idle = f->ready_next;
		s->idle_count--;
	} else {
		f = fiber_create(s);
	}
	f->name = name;
	f->function = function;
	f->argument = argument;
	f->id[0] = '\0';
	memcpy(f->trace, fiber_trace(), sizeof f->trace);
	f->cancelled = f->disowned = false;
	f->group = group;
	f->group_prev = NULL;
	f->group_next = group->members;
	if (group->members)
		group->members->group_prev = f;
	group->members = f;
	group->count++;
	join_live(f);
	make_ready(f);
	return f;
}

void fiber_group_cancel(struct fiber_group *group)
{
	for (struct fiber *f = group->members; f; f = f->group_next)
		fiber_cancel(f);
}

enum error fiber_group_join(struct fiber_group *group, int64_t deadline)
{
	enum error error = OK;

	assert(!group->joiner);
	while (group->count && !error) {
		group->joiner = current;
		error = fiber_park(group->name, deadline);
		group->joiner = NULL;
	}
	return error;
}

void fiber_group_stop(struct fiber_group *group)
{
	fiber_group_cancel(group);
	if (!group->count)
		return;
	bool entered = fiber_cleanup_enter(stop_ms);

	/* Past the section's end, too: each round waits until the loop has run once. */
	while (group->count)
		fiber_group_join(group, DEADLINE_NONE);
	if (entered)
		fiber_cleanup_end();
}

struct fiber *fiber_current(void)
{
	return current;
}

void fiber_set_id(struct fiber *f, const char *id)
{
	size_t n = strnlen(id, FIBER_ID_BYTES);

	memcpy(f->id, id, n);
	f->id[n] = '\0';
}

const char *fiber_id(void)
{
	return current ? current->id : "";
}

void fiber_set_trace(struct fiber *f, const char *trace)
{
	size_t n = strnlen(trace, FIBER_TRACE_BYTES);

	memcpy(f->trace, trace, n);
	f->trace[n] = '\0';
}

const char *fiber_trace(void)
{
	static const char none[FIBER_TRACE_BYTES + 1];

	return current ? current->trace : none;
}

static bool is_cancelled(const struct fiber *f)
{
	return (f->cancelled || (f->disowned && f->waits)) && f->cleanup_deadline == 0;
}

void fiber_cancel(struct fiber *f)
{
	f->cancelled = true;
	if (is_cancelled(f))
		fiber_wake(f);
}

bool fiber_cancelled(void)
{
	return is_cancelled(current);
}

bool fiber_disown(struct fiber *f)
{
	f->disowned = true;
	if (is_cancelled(f))
		fiber_wake(f);
	return f->waits > 0;
}

void fiber_wait_begin(void)
{
	current->waits++;
}

void fiber_wait_end(void)
{
	assert(current->waits > 0);
	current->waits--;
}

void fiber_wake(struct fiber *f)
{
	if (f->state == FIBER_PARKED)
		make_ready(f);
}

static void timer_fired(uv_timer_t *timer)
{
	struct fiber *f = timer->data;

	f->timed_out = true;
	fiber_wake(f);
}

static void start_timer(struct fiber *f)
{
	int64_t now = (int64_t)uv_now(f->scheduler->uv);

	uv_timer_start(
		&f->timer, timer_fired, f->deadline > now ? (uint64_t)(f->deadline - now) : 0, 0);
}

enum error fiber_park(const char *what, int64_t deadline)
{
	struct fiber *f = current;

	assert(f && f->state == FIBER_RUNNING);
	if (fiber_cancelled())
		return ERR_CANCELLED;
	if (f->cleanup_deadline && f->cleanup_deadline < deadline)
		deadline = f->cleanup_deadline;
	f->timed_out = false;
	f->deadline = deadline;
	if (deadline != DEADLINE_NONE)
		start_timer(f);
	f->state = FIBER_PARKED;
	f->since_ms = (int64_t)uv_now(f->scheduler->uv);
	f->waits_for = what;
	switch_to_loop(f);
	if (deadline != DEADLINE_NONE)
		uv_timer_stop(&f->timer);
	if (fiber_cancelled())
		return ERR_CANCELLED;
	return f->timed_out ? ERR_TIMEOUT : OK;
}

enum error fiber_sleep(int64_t ms)
{
	int64_t deadline = clock_deadline(ms);
	enum error error;

	do
		error = fiber_park("time to pass", deadline);
	while (error == OK);
	return error == ERR_TIMEOUT ? OK : error;
}

enum error fiber_yield(void)
{
	struct fiber *f = current;

	if (fiber_cancelled())
		return ERR_CANCELLED;
	make_ready(f);
	switch_to_loop(f);
	return fiber_cancelled() ? ERR_CANCELLED : OK;
}

void fiber_cleanup_begin(int64_t ms)
{
	int64_t deadline = clock_deadline(ms), limit = current->scheduler->cleanup_limit;

	assert(current->cleanup_deadline == 0);
	current->cleanup_deadline = limit && limit < deadline ? limit : deadline;
}

bool fiber_cleanup_enter(int64_t ms)
{
	if (current->cleanup_deadline)
		return false;
	fiber_cleanup_begin(ms);
	return true;
}

void fiber_cleanup_end(void)
{
	assert(current->cleanup_deadline != 0);
	current->cleanup_deadline = 0;
}

void fiber_cleanup_limit(struct loop *loop, int64_t deadline)
{
	struct fiber_scheduler *s = loop_fibers(loop);

	s->cleanup_limit = deadline;
	for (struct fiber *f = s->live; f; f = f->live_next) {
		if (!f->cleanup_deadline || f->cleanup_deadline <= deadline)
			continue;
		f->cleanup_deadline = deadline;
		if (f->state == FIBER_PARKED && f->deadline > deadline) {
			f->deadline = deadline;
			start_timer(f);
		}
	}
}
