/* SPDX-License-Identifier: MIT */
/* Condition variables, and listing all fibers; see fiber.h. */
#include "base/fiber_internal.h"
#include "base/loop.h"

static struct fiber_look look_at(const struct fiber *f)
{
	static const char *const states[] = {"idle", "ready", "running", "parked"};
	bool parked = f->state == FIBER_PARKED;

	return (struct fiber_look){
		.name = f->name,
		.group = f->group->name,
		.id = f->id,
		.state = states[f->state],
		.waits_for = parked ? f->waits_for : NULL,
		.since_mono_ms = f->since_ms,
		.deadline = parked ? f->deadline : DEADLINE_NONE,
		.cancelled = f->cancelled,
	};
}

void fiber_each(
	struct loop *loop, bool (*look)(void *context, const struct fiber_look *at), void *context)
{
	for (const struct fiber *f = loop_fibers(loop)->live; f; f = f->live_next) {
		struct fiber_look at = look_at(f);

		if (!look(context, &at))
			return;
	}
}

static void cond_remove(struct fiber_cond *cond, struct fiber *f)
{
	struct fiber *before = NULL;

	for (struct fiber *at = cond->first; at != f; at = at->cond_next)
		before = at;
	if (before)
		before->cond_next = f->cond_next;
	else
		cond->first = f->cond_next;
	if (cond->last == f)
		cond->last = before;
	f->cond = NULL;
}

enum error fiber_cond_wait(struct fiber_cond *cond, const char *what, int64_t deadline)
{
	struct fiber *f = fiber_current();

	f->cond = cond;
	f->cond_next = NULL;
	if (cond->last)
		cond->last->cond_next = f;
	else
		cond->first = f;
	cond->last = f;
	enum error error = fiber_park(what, deadline);
	if (!f->cond)
		return fiber_cancelled() ? ERR_CANCELLED : OK;
	cond_remove(cond, f);
	return error;
}

void fiber_cond_signal(struct fiber_cond *cond)
{
	struct fiber *f = cond->first;

	if (!f)
		return;
	cond_remove(cond, f);
	fiber_wake(f);
}

void fiber_cond_broadcast(struct fiber_cond *cond)
{
	while (cond->first)
		fiber_cond_signal(cond);
}
