/* SPDX-License-Identifier: MIT */
/*
 * As process 1 of a container the daemon becomes the parent of each process whose parent has ended,
 * for example of those that a source's command leaves behind, and must reap it. The daemon's own
 * children are reaped by libuv.
 */
#ifndef CW_ORPHANS_H
#define CW_ORPHANS_H

#include <stdbool.h>
#include <uv.h>

/* Zeroed = not started. */
struct orphans {
	uv_signal_t signal;
	uv_timer_t again;
	bool started;
};

/* Does nothing unless this is process 1 or a child subreaper. */
void orphans_start(struct orphans *orphans, uv_loop_t *loop);
void orphans_stop(struct orphans *orphans);

#endif
