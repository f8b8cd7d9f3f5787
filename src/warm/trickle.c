/* SPDX-License-Identifier: MIT */
/* The fibers that send what waits, and tick; see trickle.h. */
#include "warm/trickle.h"

#include "base/mem.h"

enum { send_ms = 5000 };

struct trickle {
	struct trickle_spec spec;
	struct fiber_group group;
	struct fiber_cond sent;
	bool reading, sending;
};

static bool is_due(const struct trickle *trickle)
{
	const struct trickle_spec *spec = &trickle->spec;
	int64_t since = window_waiting_since(spec->window);

	return since >= 0 && (int64_t)uv_now(loop_uv(spec->loop)) - since >= TRICKLE_MS;
}

static void tick(void *argument)
{
	struct trickle *trickle = argument;

	while (fiber_sleep(TRICKLE_MS) == OK)
		trickle->spec.tick(trickle->spec.context);
}

static void watch(void *argument)
{
	struct trickle *trickle = argument;

	while (fiber_sleep(TRICKLE_MS) == OK) {
		if (!trickle->reading || !is_due(trickle))
			continue;
		trickle->sending = true;
		/* The window keeps its error, which the run's next use of it returns. */
		window_send(trickle->spec.window, NULL);
		trickle->sending = false;
		fiber_cond_broadcast(&trickle->sent);
	}
}

struct trickle *trickle_new(const struct trickle_spec *spec)
{
	struct trickle *trickle = mem_new(struct trickle);

	trickle->spec = *spec;
	fiber_group_init(&trickle->group, "run trickle", spec->loop);
	fiber_spawn(&trickle->group, "run tick", tick, trickle);
	if (spec->window)
		fiber_spawn(&trickle->group, "run trickle", watch, trickle);
	return trickle;
}

/* Waits until the fiber does not use the window. Parks, though cancelled. */
static void await_sent(struct trickle *trickle)
{
	enum error error = OK;

	/* Redis may have no memory for a long time. */
	while (trickle->sending && !error)
		error = fiber_cond_wait(&trickle->sent, "a batch to be sent", DEADLINE_NONE);
	if (!trickle->sending)
		return;
	window_wait_no_more(trickle->spec.window);
	bool cleanup = fiber_cleanup_enter(send_ms);

	/* Its batch is answered or given up, even if the section's time is over. */
	while (trickle->sending)
		if (fiber_cond_wait(&trickle->sent, "a batch to be sent", DEADLINE_NONE))
			fiber_yield();
	if (cleanup)
		fiber_cleanup_end();
}

void trickle_free(struct trickle *trickle)
{
	if (!trickle)
		return;
	fiber_group_stop(&trickle->group);
	mem_free(trickle);
}

void trickle_reading(struct trickle *trickle)
{
	trickle->reading = true;
}

void trickle_read(struct trickle *trickle)
{
	trickle->reading = false;
	if (trickle->sending)
		await_sent(trickle);
}
