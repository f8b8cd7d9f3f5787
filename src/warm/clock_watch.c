/* SPDX-License-Identifier: MIT */
/*
 * A timerfd on the real-time clock with an expiry in the far future; setting the clock cancels it
 * (TFD_TIMER_CANCEL_ON_SET). Without one the scheduler still looks at the clock every 30 s.
 */
#include "warm/clock_watch.h"

#include <sys/timerfd.h>
#include <unistd.h>

#include "base/mem.h"

struct clock_watch {
	uv_poll_t poll;
	int fd;
	void (*notify)(void *context);
	void *context;
};

/* In about 60 years. A time in the past would only cause one more call. */
static void arm(struct clock_watch *watch)
{
	struct itimerspec far = {.it_value.tv_sec = 0x7fffffff};

	far.it_value.tv_sec *= 2;
	timerfd_settime(watch->fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &far, NULL);
}

static void readable(uv_poll_t *poll, int status, int events)
{
	struct clock_watch *watch = poll->data;
	uint64_t expired;

	(void)status, (void)events;
	/* ECANCELED: the clock was set. The timer must be armed again in any case. */
	ssize_t n = read(watch->fd, &expired, sizeof expired);

	(void)n;
	arm(watch);
	watch->notify(watch->context);
}

struct clock_watch *clock_watch_new(struct loop *loop, void (*notify)(void *context), void *context)
{
	struct clock_watch *watch = mem_new(struct clock_watch);

	watch->notify = notify;
	watch->context = context;
	watch->fd = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC);
	if (watch->fd < 0) {
		mem_free(watch);
		return NULL;
	}
	/* A timer can always be polled. */
	uv_poll_init(loop_uv(loop), &watch->poll, watch->fd);
	watch->poll.data = watch;
	uv_unref((uv_handle_t *)&watch->poll);
	arm(watch);
	uv_poll_start(&watch->poll, UV_READABLE, readable);
	return watch;
}

static void closed(uv_handle_t *handle)
{
	struct clock_watch *watch = handle->data;

	mem_free(watch);
}

void clock_watch_free(struct clock_watch *watch)
{
	if (!watch)
		return;
	uv_poll_stop(&watch->poll);
	close(watch->fd);
	uv_close((uv_handle_t *)&watch->poll, closed);
}
