/* SPDX-License-Identifier: MIT */
/*
 * Fibers: functions with a stack of their own that run on the loop's thread and may wait.
 *
 *	spawn -> READY -> RUNNING -> PARKED -> READY -> ... -> it returns, its stack is reused
 *
 * A function that may wait says "Parks." in its comment. Between two parks nothing else runs;
 * across a park, shared things may have changed. Parking functions return OK, ERR_TIMEOUT when
 * their deadline came, or ERR_CANCELLED; they may be called from a fiber only.
 *
 * A stack is 256 KiB, mapped lazily, with a guard page below. What a callback of libuv or curl may
 * still touch never lives on it: a cancelled fiber detaches from its heap-allocated request, and
 * the late outcome is dropped there. A struct fiber is reused after its function returned, so a
 * pointer to it is good only for as long as that function is known to run.
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
 * Every fiber belongs to a group; whoever owns the group waits for its fibers, or cancels them,
 * before it goes away. A zeroed group is not valid: use fiber_group_init().
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

/* `name` is constant text, shown by fiber_each(). The fiber starts in the loop's next round. */
struct fiber *fiber_spawn(
	struct fiber_group *group, const char *name, fiber_function *function, void *argument);

/* NULL outside of fibers. */
struct fiber *fiber_current(void);

enum { FIBER_ID_BYTES = 64 };
/*
 * For whom the fiber works: the id of a request, of an operation, of a pass. Debug lines of the log
 * carry it. It is copied, at most FIBER_ID_BYTES of it. A new fiber has none: one that does a part
 * of its parent's work is given fiber_id().
 */
void fiber_set_id(struct fiber *fiber, const char *id);
/* The current fiber's, "" where it has none and outside of fibers. Good until it is set again. */
const char *fiber_id(void);
void fiber_cancel(struct fiber *fiber);
/* Whether the current fiber was cancelled (false inside a cleanup section). */
bool fiber_cancelled(void);

/*
 * The base of all waiting: returns OK after fiber_wake(). Wakes may come without cause, so wait in
 * a loop around the condition. `what` it waits for is constant text, shown by fiber_each(). Parks.
 */
enum error fiber_park(const char *what, int64_t deadline);
/* Lets a parked fiber run in the next round; does nothing to one that is not parked. */
void fiber_wake(struct fiber *fiber);

/* OK once `ms` have passed. Parks. */
enum error fiber_sleep(int64_t ms);
/* Lets others run for one round. Parks. */
enum error fiber_yield(void);

/*
 * Says that nothing needs the outcome of `fiber` any more: a client has hung up. Its parks between
 * fiber_wait_begin() and fiber_wait_end() then return ERR_CANCELLED, all others go on as before.
 * Such sections hold what only waits for the work of others; they may be nested. True where it is
 * in one now.
 */
bool fiber_disown(struct fiber *fiber);
void fiber_wait_begin(void);
void fiber_wait_end(void);

/*
 * Between begin and end the fiber can park although it was cancelled, for at most `ms` (5 s is the
 * house limit): to release a lock, end a child, write a record.
 */
void fiber_cleanup_begin(int64_t ms);
void fiber_cleanup_end(void);
/* Begins one unless the fiber is in one already. True: it has begun, and its end is due. */
bool fiber_cleanup_enter(int64_t ms);

/* A queue of fibers that wait for one thing to change. Zeroed = empty. */
struct fiber_cond {
	struct fiber *first;
	struct fiber *last;
};

/* `what` as in fiber_park(). Parks. */
enum error fiber_cond_wait(struct fiber_cond *cond, const char *what, int64_t deadline);
void fiber_cond_signal(struct fiber_cond *cond);
void fiber_cond_broadcast(struct fiber_cond *cond);

/* A fiber as it is at the moment. The texts but the id are constant. */
struct fiber_look {
	const char *name, *group;
	const char *id;	       /* see fiber_set_id(); the fiber's, "" where it has none */
	const char *state;     /* "ready", "running", "parked" */
	const char *waits_for; /* NULL unless it is parked */
	int64_t since_mono_ms; /* when it entered that state */
	int64_t deadline;      /* DEADLINE_NONE: none, or it is not parked */
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
/* Runs each fiber that is ready now once; says whether there was one. */
bool fiber_scheduler_run(struct fiber_scheduler *scheduler);
bool fiber_scheduler_ready(const struct fiber_scheduler *scheduler);

#endif
