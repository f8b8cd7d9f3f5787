/* SPDX-License-Identifier: MIT */
/*
 * Sends rows that wait in a window while the source gives no more of them, and gives a tick
 * meanwhile, so that the run's progress is known though its source hangs.
 *
 *	run's fiber:	trickle_reading -> source_next -> trickle_read -> window_add ...
 *	"run trickle":	every TRICKLE_MS: the oldest row has waited -> window_send
 *	"run tick":	every TRICKLE_MS: tick, also while a batch waits for Redis
 *
 * A window is used by one fiber at a time: trickle_read() waits until a batch was sent.
 */
#ifndef CW_WARM_TRICKLE_H
#define CW_WARM_TRICKLE_H

#include "base/loop.h"
#include "warm/window.h"

/* A row waits no longer than twice this for its batch to fill. */
enum { TRICKLE_MS = 50 };

struct trickle;

struct trickle_spec {
	struct loop *loop;
	struct window *window;	     /* NULL = none: it only ticks */
	void (*tick)(void *context); /* every TRICKLE_MS, whatever the run does; it may not park */
	void *context;
};

/* All are borrowed. */
struct trickle *trickle_new(const struct trickle_spec *spec);
/* Ends its fibers. May be NULL. Parks, though cancelled. */
void trickle_free(struct trickle *trickle);
/* From now on the caller does not use the window. */
void trickle_reading(struct trickle *trickle);
/* The caller uses the window again. Parks where a batch is being sent, though cancelled. */
void trickle_read(struct trickle *trickle);

#endif
