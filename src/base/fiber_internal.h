/* SPDX-License-Identifier: MIT */
/* The fiber and its scheduler, for base/fiber*.c only. */
#ifndef CW_BASE_FIBER_INTERNAL_H
#define CW_BASE_FIBER_INTERNAL_H

#include <uv.h>

#include "base/fiber.h"
#include "base/fiber_switch.h"

enum fiber_state { FIBER_IDLE, FIBER_READY, FIBER_RUNNING, FIBER_PARKED };

struct fiber {
	struct fiber_place place;
	char *stack; /* the guard page, then stack_bytes */
	unsigned valgrind_id;
	void *asan_fake_stack;
	void *tsan_fiber;

	struct fiber_scheduler *scheduler;
	const char *name;
	fiber_function *function;
	void *argument;
	char id[FIBER_ID_BYTES + 1];
	char trace[FIBER_TRACE_BYTES + 1];

	enum fiber_state state;
	int64_t since_ms; /* in this state, by the loop's clock */
	const char *waits_for;
	int64_t deadline; /* while it is parked */
	bool cancelled;
	bool disowned;
	unsigned waits; /* sections of fiber_wait_begin() */
	bool timed_out;
	int64_t cleanup_deadline; /* 0 outside of a cleanup section */
	uv_timer_t timer;

	struct fiber_group *group;
	struct fiber *group_next, *group_prev;
	struct fiber *live_next, *live_prev;
	struct fiber *ready_next; /* in the ready queue or among the idle */
	struct fiber_cond *cond;
	struct fiber *cond_next;
};

struct fiber_scheduler {
	uv_loop_t *uv;
	struct fiber_place place; /* the loop's own stack */
	struct fiber *ready_first, *ready_last;
	struct fiber *live; /* all that have a function, the newest first */
	struct fiber *idle;
	unsigned idle_count;
	int64_t cleanup_limit; /* 0 = none */
	void *asan_fake_stack;
	const void *asan_stack;
	size_t asan_stack_bytes;
	void *tsan_fiber;
};

#endif
