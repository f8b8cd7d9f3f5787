/* SPDX-License-Identifier: MIT */
/* Reports that the wall clock was set; libuv's timers are monotonic and do not notice. */
#ifndef CW_WARM_CLOCK_WATCH_H
#define CW_WARM_CLOCK_WATCH_H

#include "base/loop.h"

struct clock_watch;

/* `notify` is called from the loop, outside of fibers. NULL if the kernel refuses a timer. */
struct clock_watch *clock_watch_new(
	struct loop *loop, void (*notify)(void *context), void *context);
/* May be NULL. Its handle is closed by a later turn of the loop. */
void clock_watch_free(struct clock_watch *watch);

#endif
