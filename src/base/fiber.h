/* SPDX-License-Identifier: MIT */
/*
 * Fibers: functions with a stack of their own that run on the loop's thread and may wait.
 *
 *	spawn -> READY -> RUNNING -> PARKED -> READY -> ... -> it returns, its stack is reused
 *
 * The comment of a function that may wait says "Parks." Nothing else runs between two parks; shared
 * state may have changed after one. Parking functions return OK, ERR_TIMEOUT at their deadline, or
 * ERR_CANCELLED; they may be called from fibers only.
 *
 * A stack is 256 KiB, mapped lazily, with a guard page below. It must not hold anything that a
 * callback of libuv or curl may still touch: a cancelled fiber detaches from its heap-allocated
 * request, and the late outcome is dropped there. A struct fiber is reused after its function has
 * returned, so a pointer to it is valid only while that function runs.
 */
#ifndef CW_BASE_FIBER_H
#define CW_BASE_FIBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/error.h"

struct loop;
struct fiber;

typedef void fiber_function(void *argument);

/*
 * Every fiber belongs to a group, whose owner waits for its fibers, or cancels them, before it
 * ends. A zeroed group is not valid: use fiber_group_init().
 */
struct fiber_group {
	const char *name;
	struct loop *loop;
	struct fiber *members;
	size_t count;
	struct fiber *joiner;
};

/* `name` is constant text, shown by fiber_each(). */
void fiber_group_init(struct fiber_group *group, const char *name, struct loop *loop);
/* Each member's current and later parks return ERR_CANCELLED. */
void fiber_group_cancel(struct fiber_group *group);
/* Waits until no member is left. One waiter at a time. Parks. */
enum error fiber_group_join(struct fiber_group *group, int64_t deadline);
/*
 * Cancels the members and waits for all of them, also where the caller was cancelled itself: none
 * is left, so that what they use can be freed. Each ends as soon as its cleanup section has. Parks
 * if there are members.
 */
void fiber_group_stop(struct fiber_group *group);

/* `name` is constant text, shown by fiber_each(). The fiber starts in the loop's next round. */
struct fiber *fiber_spawn(
	struct fiber_group *group, const char *name, fiber_function *function, void *argument);

/* NULL outside of fibers. */
struct fiber *fiber_current(void);

enum { FIBER_ID_BYTES = 64 };
/*
 * The request, operation or pass that the fiber works for; debug lines of the log show it. At most
 * FIBER_ID_BYTES are copied. A new fiber has no id: one that does part of its parent's work is
 * given fiber_id().
 */
void fiber_set_id(struct fiber *fiber, const char *id);
/* The current fiber's id, "" if it has none and outside of fibers. Valid until it is set again. */
const char *fiber_id(void);
enum { FIBER_TRACE_BYTES = 55 };
/*
 * The traceparent (text/trace.h) of the request that the fiber works for; at most FIBER_TRACE_BYTES
 * are copied. A new fiber has its parent's.
 */
void fiber_set_trace(struct fiber *fiber, const char *trace);
/* The current fiber's, "" if it has none and outside of fibers. Valid until it is set again. */
const char *fiber_trace(void);
void fiber_cancel(struct fiber *fiber);
/* Whether the current fiber was cancelled (false inside a cleanup section). */
bool fiber_cancelled(void);

/*
 * The base of all waiting: returns OK after fiber_wake(). Spurious wakes happen, so wait in a loop
 * that checks the condition. `what` names what it waits for: constant text for fiber_each(). Parks.
 */
enum error fiber_park(const char *what, int64_t deadline);
/* Lets a parked fiber run in the next round; does nothing to one that is not parked. */
void fiber_wake(struct fiber *fiber);

/* OK once `ms` have passed. Parks. */
enum error fiber_sleep(int64_t ms);
/* Lets others run for one round. Parks. */
enum error fiber_yield(void);

/*
 * The outcome of `fiber` is no longer needed, because its client has hung up. Its parks between
 * fiber_wait_begin() and fiber_wait_end() then return ERR_CANCELLED; all others go on as before.
 * Use such sections around waiting for work that goes on without the fiber; they may be nested.
 * True if the fiber is in one now.
 */
bool fiber_disown(struct fiber *fiber);
void fiber_wait_begin(void);
void fiber_wait_end(void);

/*
 * Between begin and end a cancelled fiber can still park, for at most `ms` (by convention no more
 * than 5 s): to release a lock, end a child process, write a record.
 */
void fiber_cleanup_begin(int64_t ms);
void fiber_cleanup_end(void);
/* Begins one unless the fiber is in one already. True if it began, and so has to be ended. */
bool fiber_cleanup_enter(int64_t ms);
/*
 * Cleanup sections of the loop's fibers, those under way and all later ones, end at `deadline` if
 * they would end later: for a bounded shutdown.
 */
void fiber_cleanup_limit(struct loop *loop, int64_t deadline);

/* A condition variable: a queue of fibers that wait for a change. Zeroed = empty. */
struct fiber_cond {
	struct fiber *first;
	struct fiber *last;
};

/* `what` as in fiber_park(). Parks. */
enum error fiber_cond_wait(struct fiber_cond *cond, const char *what, int64_t deadline);
void fiber_cond_signal(struct fiber_cond *cond);
void fiber_cond_broadcast(struct fiber_cond *cond);

/* The present state of a fiber. The texts other than the id are constant. */
struct fiber_look {
	const char *name, *group;
	const char *id;	       /* see fiber_set_id(); "" if it has none */
	const char *state;     /* "ready", "running", "parked" */
	const char *waits_for; /* NULL unless it is parked */
	int64_t since_mono_ms; /* when it entered that state */
	int64_t deadline;      /* DEADLINE_NONE if it has none or is not parked */
	bool cancelled;
};
/* Calls `look` for each fiber of the loop, the newest first, until it returns false. */
void fiber_each(
	struct loop *loop, bool (*look)(void *context, const struct fiber_look *at), void *context);

/* For base/loop only: a loop's fibers. */
struct fiber_scheduler;
struct fiber_scheduler *fiber_scheduler_new(void *uv_loop);
/* All fibers have ended. The timers' close callbacks run in the loop afterwards. */
void fiber_scheduler_free(struct fiber_scheduler *scheduler);
/* Runs each fiber that is ready now once; false if there was none. */
bool fiber_scheduler_run(struct fiber_scheduler *scheduler);
bool fiber_scheduler_ready(const struct fiber_scheduler *scheduler);

#endif
