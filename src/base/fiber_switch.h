/* SPDX-License-Identifier: MIT */
/*
 * From one stack to another, and back. For base/fiber.c only.
 *
 * The signal mask is the thread's, whichever stack runs. On x86-64 a switch is a dozen
 * instructions; elsewhere it is swapcontext(3), which asks the kernel twice.
 */
#ifndef CW_BASE_FIBER_SWITCH_H
#define CW_BASE_FIBER_SWITCH_H

#include <stddef.h>

#if !defined(__x86_64__) || defined(__ILP32__)
#define FIBER_SWITCH_UCONTEXT 1
#include <ucontext.h>
#endif

/* Where a stack goes on. Zeroed: a stack that runs. */
struct fiber_place {
#ifdef FIBER_SWITCH_UCONTEXT
	ucontext_t context;
#else
	void *top;
#endif
};

/* The first switch to *place calls entry(), which never returns, on the stack [stack, + bytes). */
void fiber_place_make(struct fiber_place *place, char *stack, size_t bytes, void (*entry)(void));
/* Goes on at *to; returns when somebody switches to *from. */
void fiber_switch(struct fiber_place *from, struct fiber_place *to);

#endif
