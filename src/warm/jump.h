/* SPDX-License-Identifier: MIT */
/* Tells when somebody sets the wall clock: libuv's timers are monotonic and do not see that. */
#ifndef CW_WARM_JUMP_H
#define CW_WARM_JUMP_H

#include "base/loop.h"

struct jump_watch;

/* `notify` is called from the loop, outside of fibers. */
struct jump_watch *jump_watch_new(struct loop *loop, void (*notify)(void *context), void *context);
/* NULL is welcome. The loop has then a handle to close. */
void jump_watch_free(struct jump_watch *watch);

#endif
