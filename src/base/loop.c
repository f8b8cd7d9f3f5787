/* SPDX-License-Identifier: MIT */
/* The order of things within one turn; see loop.h. */
#include "base/loop.h"

#include <assert.h>

#include "base/clock.h"
#include "base/fiber.h"
#include "base/mem.h"

enum { max_rounds = 8, max_turn_ns = 2000000 };

struct loop {
	uv_loop_t uv;
	uv_prepare_t prepare;
	uv_timer_t timer;
	struct fiber_scheduler *fibers;
	struct loop_pump *pumps;
	struct loop_flush *flushes;
};

/* Runs the woken pumps; true where one has more to do now. */
static bool run_pumps(struct loop *loop)
{
	bool more = false;
	struct loop_pump *next;

	for (struct loop_pump *pump = loop->pumps; pump; pump = next) {
		next = pump->next;
		if (!pump->woken)
			continue;
		pump->woken = false;
		pump->run(pump);
		if (!pump->woken && pump->timeout_ms(pump) == 0)
			pump->woken = true;
		more = more || pump->woken;
	}
	return more;
}

static void run_flushes(struct loop *loop)
{
	while (loop->flushes) {
		struct loop_flush *flush = loop->flushes;

		loop->flushes = flush->next;
		flush->queued = false;
		flush->flush(flush);
	}
}

static bool work_left(const struct loop *loop)
{
	if (fiber_scheduler_ready(loop->fibers) || loop->flushes)
		return true;
	for (const struct loop_pump *pump = loop->pumps; pump; pump = pump->next)
		if (pump->woken)
			return true;
	return false;
}

static void timer_fired(uv_timer_t *timer)
{
	struct loop *loop = timer->data;

	for (struct loop_pump *pump = loop->pumps; pump; pump = pump->next)
		pump->woken = true;
}

/* Without work left: the least timeout of the pumps, or no timer at all. */
static void arm_timer(struct loop *loop)
{
	int64_t least = -1;

	if (work_left(loop)) {
		least = 0;
	} else {
		for (struct loop_pump *pump = loop->pumps; pump; pump = pump->next) {
			int64_t timeout = pump->timeout_ms(pump);

			if (timeout >= 0 && (least < 0 || timeout < least))
				least = timeout;
		}
	}
	if (least < 0)
		uv_timer_stop(&loop->timer);
	else
		uv_timer_start(&loop->timer, timer_fired, (uint64_t)least, 0);
}

static void turn(uv_prepare_t *prepare)
{
	struct loop *loop = prepare->data;
	int64_t began_ns = clock_mono_ns();

	for (int round = 0; round < max_rounds; round++) {
		bool ran = fiber_scheduler_run(loop->fibers);
		bool more = run_pumps(loop);

		if (!more && !fiber_scheduler_ready(loop->fibers))
			break;
		if (ran && clock_mono_ns() - began_ns > max_turn_ns)
			break;
	}
	run_flushes(loop);
	arm_timer(loop);
}

struct loop *loop_new(void)
{
	struct loop *loop = mem_new(struct loop);

	if (uv_loop_init(&loop->uv) != 0)
		mem_exhausted();
	loop->fibers = fiber_scheduler_new(&loop->uv);
	uv_prepare_init(&loop->uv, &loop->prepare);
	loop->prepare.data = loop;
	uv_prepare_start(&loop->prepare, turn);
	uv_timer_init(&loop->uv, &loop->timer);
	loop->timer.data = loop;
	return loop;
}

void loop_free(struct loop *loop)
{
	if (!loop)
		return;
	assert(!loop->pumps && !loop->flushes);
	fiber_scheduler_free(loop->fibers);
	uv_close((uv_handle_t *)&loop->prepare, NULL);
	uv_close((uv_handle_t *)&loop->timer, NULL);
	uv_run(&loop->uv, UV_RUN_DEFAULT);
	int closed = uv_loop_close(&loop->uv);
	assert(closed == 0);
	(void)closed; /* used by the assert alone */
	mem_free(loop);
}

uv_loop_t *loop_uv(struct loop *loop)
{
	return &loop->uv;
}

struct fiber_scheduler *loop_fibers(struct loop *loop)
{
	return loop->fibers;
}

void loop_run(struct loop *loop)
{
	uv_run(&loop->uv, UV_RUN_DEFAULT);
}

void loop_stop(struct loop *loop)
{
	uv_stop(&loop->uv);
}

void loop_turn(struct loop *loop, bool wait)
{
	uv_run(&loop->uv, wait ? UV_RUN_ONCE : UV_RUN_NOWAIT);
}

bool loop_busy(const struct loop *loop)
{
	return work_left(loop);
}

void loop_pump_add(struct loop *loop, struct loop_pump *pump)
{
	pump->woken = true;
	pump->next = loop->pumps;
	loop->pumps = pump;
}

void loop_pump_remove(struct loop *loop, struct loop_pump *pump)
{
	struct loop_pump **at = &loop->pumps;

	while (*at != pump)
		at = &(*at)->next;
	*at = pump->next;
}

void loop_pump_wake(struct loop_pump *pump)
{
	pump->woken = true;
}

void loop_flush_later(struct loop *loop, struct loop_flush *flush)
{
	if (flush->queued)
		return;
	flush->queued = true;
	flush->next = loop->flushes;
	loop->flushes = flush;
}

void loop_flush_cancel(struct loop *loop, struct loop_flush *flush)
{
	struct loop_flush **at = &loop->flushes;

	if (!flush->queued)
		return;
	while (*at != flush)
		at = &(*at)->next;
	*at = flush->next;
	flush->queued = false;
}
