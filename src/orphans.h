/* SPDX-License-Identifier: MIT */
/*
 * As process 1 of a container the daemon inherits each process whose parent has ended, and has to
 * reap it: what a source's command leaves behind, for one. Children of our own are left to libuv.
 */
#ifndef CW_ORPHANS_H
#define CW_ORPHANS_H

#include <stdbool.h>
#include <uv.h>

/* Zeroed = not started. Embedded in its owner. */
struct orphans {
	uv_signal_t signal;
	uv_timer_t again;
	bool started;
};

/* Nothing happens where others reap orphans: we are neither process 1 nor a child subreaper. */
void orphans_start(struct orphans *orphans, uv_loop_t *loop);
void orphans_stop(struct orphans *orphans);

#endif
