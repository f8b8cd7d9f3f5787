/* SPDX-License-Identifier: MIT */
/*
 * Switching between stacks. For base/fiber.c only.
 *
 * All stacks of a thread share its signal mask. On x86-64 a switch is a dozen instructions,
 * elsewhere swapcontext(3), which makes two system calls.
 */
#ifndef CW_BASE_FIBER_SWITCH_H
#define CW_BASE_FIBER_SWITCH_H

#include <stddef.h>

#if !defined(__x86_64__) || defined(__ILP32__)
#define FIBER_SWITCH_UCONTEXT 1
#include <ucontext.h>
#endif

/* Where a stack continues. Zeroed: the stack that is running. */
struct fiber_place {
#ifdef FIBER_SWITCH_UCONTEXT
	ucontext_t context;
#else
	void *top;
#endif
};

/* The first switch to *place calls entry(), which never returns, on the stack [stack, + bytes). */
void fiber_place_make(struct fiber_place *place, char *stack, size_t bytes, void (*entry)(void));
/* Continues at *to; returns when *from is switched to. */
void fiber_switch(struct fiber_place *from, struct fiber_place *to);

#endif
