/* SPDX-License-Identifier: MIT */
/*
 * The loop: one thread, one libuv loop, and the order of things within one turn.
 *
 *	poll: callbacks store outcomes and wake fibers or pumps
 *	turn: up to 8 rounds or 2 ms of { ready fibers run; woken pumps run }
 *	      then each requested flush runs once
 *	      then one timer is set to the least timeout of the pumps (0 if work is left)
 *
 * Everything here belongs to the loop's thread. Nothing may block it for more than 5 ms.
 */
#ifndef CW_BASE_LOOP_H
#define CW_BASE_LOOP_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct loop;

struct loop *loop_new(void);
/* There must be no fibers, pumps or handles left; asserts what libuv reports. */
void loop_free(struct loop *loop);
uv_loop_t *loop_uv(struct loop *loop);
/* Runs turns until loop_stop(). */
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop);
/*
 * One turn, for a program without loop_run(): waits for an event or, without `wait`, only handles
 * what is due. Not from within the loop. loop_stop() ends the waiting, so a fiber that the caller
 * waits for calls it at its end.
 */
void loop_turn(struct loop *loop, bool wait);
/* Whether something would run at once in the next turn. */
bool loop_busy(const struct loop *loop);

/*
 * An event source that is polled, such as an HTTP daemon: `run` handles what is ready, then
 * `timeout_ms` returns when to run it again (0: more is ready now; -1: when woken). Embedded in its
 * owner, which removes it before it ends.
 */
struct loop_pump {
	void (*run)(struct loop_pump *pump);
	int64_t (*timeout_ms)(struct loop_pump *pump);
	bool woken;
	struct loop_pump *next;
};

void loop_pump_add(struct loop *loop, struct loop_pump *pump);
void loop_pump_remove(struct loop *loop, struct loop_pump *pump);
/* It runs in this turn's next round, or in the next turn. */
void loop_pump_wake(struct loop_pump *pump);

/* A call at the end of the turn, such as writing in one piece what its fibers have queued. */
struct loop_flush {
	void (*flush)(struct loop_flush *flush);
	bool queued;
	struct loop_flush *next;
};

/* Several requests in one turn are one call. Requested by a callback, it runs in the next turn. */
void loop_flush_later(struct loop *loop, struct loop_flush *flush);
/* Takes the request back, if there is one. */
void loop_flush_cancel(struct loop *loop, struct loop_flush *flush);

/* For base/fiber only. */
struct fiber_scheduler *loop_fibers(struct loop *loop);

#endif
