/* SPDX-License-Identifier: MIT */
/* Queues of deadlines; see deadline.h. */
#include "http/deadline.h"

#include <stddef.h>

#include "base/clock.h"

static void timer_fired(uv_timer_t *timer);

/* The loop's own clock: the time at which this turn began. */
static int64_t now_ms(const struct deadlines *deadlines)
{
	return (int64_t)uv_now(deadlines->timer.loop);
}

static void arm(struct deadlines *deadlines, int64_t at_ms)
{
	int64_t now = now_ms(deadlines);

	if (at_ms >= deadlines->armed_at_ms)
		return;
	deadlines->armed_at_ms = at_ms;
	uv_timer_start(
		&deadlines->timer, timer_fired, (uint64_t)(at_ms > now ? at_ms - now : 0), 0);
}

static void link_last(struct deadline *queue, struct deadline *deadline)
{
	deadline->prev = queue->prev;
	deadline->next = queue;
	queue->prev->next = deadline;
	queue->prev = deadline;
}

void deadline_end(struct deadline *deadline)
{
	deadline->prev->next = deadline->next;
	deadline->next->prev = deadline->prev;
	deadline->next = deadline->prev = NULL;
}

void deadline_begin(struct deadlines *deadlines, struct deadline *deadline, enum phase phase)
{
	int64_t duration = deadlines->durations_ms[phase];

	deadline->phase = phase;
	deadline->at_ms = duration < 0 ? DEADLINE_NONE : now_ms(deadlines) + duration;
	link_last(&deadlines->queues[phase], deadline);
	if (duration >= 0)
		arm(deadlines, deadline->at_ms);
}

void deadline_move(struct deadlines *deadlines, struct deadline *deadline, enum phase phase)
{
	deadline_end(deadline);
	deadline_begin(deadlines, deadline, phase);
}

struct deadline *deadlines_first(struct deadlines *deadlines, enum phase phase)
{
	return deadlines_next(deadlines, &deadlines->queues[phase]);
}

struct deadline *deadlines_next(struct deadlines *deadlines, struct deadline *deadline)
{
	struct deadline *next = deadline->next;

	return next == &deadlines->queues[next->phase] ? NULL : next;
}

static void expire(struct deadlines *deadlines, enum phase phase)
{
	int64_t now = now_ms(deadlines);
	struct deadline *first;

	while ((first = deadlines_first(deadlines, phase)) && first->at_ms <= now) {
		deadline_move(deadlines, first, PHASE_HANDLER);
		deadlines->expired(deadlines, first, phase);
	}
}

static void timer_fired(uv_timer_t *timer)
{
	struct deadlines *deadlines =
		(struct deadlines *)((char *)timer - offsetof(struct deadlines, timer));

	deadlines->armed_at_ms = DEADLINE_NONE;
	for (int phase = 0; phase < PHASES; phase++)
		expire(deadlines, (enum phase)phase);
	for (int phase = 0; phase < PHASES; phase++) {
		struct deadline *first = deadlines_first(deadlines, (enum phase)phase);

		if (first && first->at_ms != DEADLINE_NONE)
			arm(deadlines, first->at_ms);
	}
}

void deadlines_shorten(struct deadlines *deadlines, enum phase phase, int64_t ms)
{
	int64_t limit = now_ms(deadlines) + ms;

	for (struct deadline *at = deadlines_first(deadlines, phase); at;
		at = deadlines_next(deadlines, at)) {
		if (at->at_ms > limit)
			at->at_ms = limit;
		arm(deadlines, at->at_ms);
	}
}

void deadlines_init(struct deadlines *deadlines, uv_loop_t *loop,
	void (*expired)(struct deadlines *deadlines, struct deadline *deadline, enum phase phase))
{
	uv_timer_init(loop, &deadlines->timer);
	deadlines->armed_at_ms = DEADLINE_NONE;
	deadlines->expired = expired;
	for (int phase = 0; phase < PHASES; phase++) {
		struct deadline *queue = &deadlines->queues[phase];

		queue->next = queue->prev = queue;
		queue->phase = (enum phase)phase;
		queue->at_ms = DEADLINE_NONE;
		deadlines->durations_ms[phase] = -1;
	}
}
