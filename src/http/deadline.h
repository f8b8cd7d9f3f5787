/* SPDX-License-Identifier: MIT */
/*
 * Absolute deadlines of many connections on one timer.
 *
 *	HEAD -> (BODY) -> HANDLER -> REPLY -> SETTLE -> IDLE -> HEAD ...
 *	each phase is a queue, oldest first
 *
 * All members of a phase have the same time, so each queue is in order and entering one is moving a
 * link. The timer is set to the least first member and moves on only when it fires: thousands of
 * idle connections cost no wake-ups, busy ones one per few seconds.
 */
#ifndef CW_HTTP_DEADLINE_H
#define CW_HTTP_DEADLINE_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

enum phase {
	PHASE_HEAD,
	PHASE_BODY,
	PHASE_HANDLER, /* handlers have deadlines of their own */
	PHASE_REPLY,
	PHASE_SETTLE, /* idle for a moment only */
	PHASE_IDLE,
	PHASES
};

/* Embedded in what has a deadline. */
struct deadline {
	struct deadline *next, *prev;
	enum phase phase;
	int64_t at_ms; /* DEADLINE_NONE = never */
};

struct deadlines {
	uv_timer_t timer; /* its owner closes it */
	struct deadline queues[PHASES];
	int64_t durations_ms[PHASES]; /* -1 = none */
	int64_t armed_ms;	      /* DEADLINE_NONE = not */
	/* The member has been moved from the queue of `phase` to PHASE_HANDLER's. */
	void (*expired)(struct deadlines *deadlines, struct deadline *deadline, enum phase phase);
};

/* Durations are set by the owner, before and while it runs. */
void deadlines_init(struct deadlines *deadlines, uv_loop_t *loop,
	void (*expired)(struct deadlines *deadlines, struct deadline *deadline, enum phase phase));
void deadline_begin(struct deadlines *deadlines, struct deadline *deadline, enum phase phase);
void deadline_move(struct deadlines *deadlines, struct deadline *deadline, enum phase phase);
void deadline_end(struct deadline *deadline);
/* The oldest member, NULL where there is none; and the one after it. */
struct deadline *deadlines_first(struct deadlines *deadlines, enum phase phase);
struct deadline *deadlines_next(struct deadlines *deadlines, struct deadline *deadline);
/* Lets none of the present members of `phase` live longer than `ms` from now. */
void deadlines_shorten(struct deadlines *deadlines, enum phase phase, int64_t ms);

#endif
