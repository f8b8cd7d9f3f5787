/* SPDX-License-Identifier: MIT */
/*
 * Absolute deadlines of many connections on one timer.
 *
 *	(HANDSHAKE) -> HEAD -> (BODY) -> HANDLER -> REPLY | STREAM -> SETTLE -> IDLE -> HEAD ...
 *	each phase is a queue, oldest first
 *
 * All members of a phase have the same duration, so each queue is in order and a deadline is
 * appended in constant time. The timer is set to the earliest first member and is set anew only
 * when it fires: thousands of idle connections cost no wake-ups, busy ones one every few seconds.
 */
#ifndef CW_HTTP_DEADLINE_H
#define CW_HTTP_DEADLINE_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

enum phase {
	PHASE_HANDSHAKE, /* of TLS */
	PHASE_HEAD,
	PHASE_BODY,
	PHASE_HANDLER, /* handlers have deadlines of their own */
	PHASE_REPLY,
	PHASE_STREAM, /* http/stream watches it */
	PHASE_SETTLE, /* idle for a moment only */
	PHASE_IDLE,
	PHASES
};

/* Embedded in its owner. */
struct deadline {
	struct deadline *next, *prev;
	enum phase phase;
	int64_t at_ms; /* DEADLINE_NONE = never */
};

struct deadlines {
	uv_timer_t timer; /* closed by the owner */
	struct deadline queues[PHASES];
	int64_t durations_ms[PHASES]; /* -1 = none */
	int64_t armed_at_ms;	      /* DEADLINE_NONE = not */
	/* Called after the member was moved from the queue of `phase` to that of PHASE_HANDLER. */
	void (*expired)(struct deadlines *deadlines, struct deadline *deadline, enum phase phase);
};

/* Durations are set by the owner, before and while it runs. */
void deadlines_init(struct deadlines *deadlines, uv_loop_t *loop,
	void (*expired)(struct deadlines *deadlines, struct deadline *deadline, enum phase phase));
void deadline_begin(struct deadlines *deadlines, struct deadline *deadline, enum phase phase);
void deadline_move(struct deadlines *deadlines, struct deadline *deadline, enum phase phase);
void deadline_end(struct deadline *deadline);
/* The oldest member, or NULL; and the one after it. */
struct deadline *deadlines_first(struct deadlines *deadlines, enum phase phase);
struct deadline *deadlines_next(struct deadlines *deadlines, struct deadline *deadline);
/* Limits the deadlines of the current members of `phase` to `ms` from now. */
void deadlines_shorten(struct deadlines *deadlines, enum phase phase, int64_t ms);

#endif
