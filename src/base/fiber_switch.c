/* SPDX-License-Identifier: MIT */
/*
 * Switching stacks; see fiber_switch.h.
 *
 *	a parked stack, from its top down:  return address, rbp, rbx, r12 - r15, control words
 *
 * Special: what the System V ABI lets a function clobber is the caller's to keep, and the
 * compiler's work; so the rest is all that a switch must save. Shadow stacks would have to be
 * switched, too: the Makefile builds this file without the mark that lets the loader turn them on.
 */
#include "base/fiber_switch.h"

#include <stdint.h>
#include <string.h>

#ifdef FIBER_SWITCH_UCONTEXT
#include <pthread.h>
#include <signal.h>

void fiber_place_make(struct fiber_place *place, char *stack, size_t bytes, void (*entry)(void))
{
	getcontext(&place->context);
	place->context.uc_stack.ss_sp = stack;
	place->context.uc_stack.ss_size = bytes;
	makecontext(&place->context, entry, 0);
}

void fiber_switch(struct fiber_place *from, struct fiber_place *to)
{
	/* swapcontext() would bring back the mask of when `to` was left. */
	pthread_sigmask(SIG_SETMASK, NULL, &to->context.uc_sigmask);
	swapcontext(&from->context, &to->context);
}

#else

/* rdi: where the old stack's top is noted; rsi: the new stack's. */
void fiber_switch_stacks(void **save, void *top);

/* clang-format off */
__asm__(
	".text\n"
	".p2align 4\n"
	".globl fiber_switch_stacks\n"
	".hidden fiber_switch_stacks\n"
	".type fiber_switch_stacks, @function\n"
	"fiber_switch_stacks:\n"
	"	.cfi_startproc\n"
	"	endbr64\n"
	"	pushq %rbp\n"
	"	.cfi_adjust_cfa_offset 8\n"
	"	.cfi_rel_offset %rbp, 0\n"
	"	pushq %rbx\n"
	"	.cfi_adjust_cfa_offset 8\n"
	"	.cfi_rel_offset %rbx, 0\n"
	"	pushq %r12\n"
	"	.cfi_adjust_cfa_offset 8\n"
	"	.cfi_rel_offset %r12, 0\n"
	"	pushq %r13\n"
	"	.cfi_adjust_cfa_offset 8\n"
	"	.cfi_rel_offset %r13, 0\n"
	"	pushq %r14\n"
	"	.cfi_adjust_cfa_offset 8\n"
	"	.cfi_rel_offset %r14, 0\n"
	"	pushq %r15\n"
	"	.cfi_adjust_cfa_offset 8\n"
	"	.cfi_rel_offset %r15, 0\n"
	"	subq $8, %rsp\n"
	"	.cfi_adjust_cfa_offset 8\n"
	"	stmxcsr (%rsp)\n"
	"	fnstcw 4(%rsp)\n"
	/* From here on the other stack, which was left at this very place. */
	"	movq %rsp, (%rdi)\n"
	"	movq %rsi, %rsp\n"
	"	ldmxcsr (%rsp)\n"
	"	fldcw 4(%rsp)\n"
	"	addq $8, %rsp\n"
	"	.cfi_adjust_cfa_offset -8\n"
	"	popq %r15\n"
	"	.cfi_adjust_cfa_offset -8\n"
	"	.cfi_restore %r15\n"
	"	popq %r14\n"
	"	.cfi_adjust_cfa_offset -8\n"
	"	.cfi_restore %r14\n"
	"	popq %r13\n"
	"	.cfi_adjust_cfa_offset -8\n"
	"	.cfi_restore %r13\n"
	"	popq %r12\n"
	"	.cfi_adjust_cfa_offset -8\n"
	"	.cfi_restore %r12\n"
	"	popq %rbx\n"
	"	.cfi_adjust_cfa_offset -8\n"
	"	.cfi_restore %rbx\n"
	"	popq %rbp\n"
	"	.cfi_adjust_cfa_offset -8\n"
	"	.cfi_restore %rbp\n"
	"	ret\n"
	"	.cfi_endproc\n"
	"	.size fiber_switch_stacks, .-fiber_switch_stacks\n"
);
/* clang-format on */

/* What lies on a stack that is parked. */
struct parked {
	uint32_t mxcsr;
	uint16_t x87_control, unused;
	uint64_t r15, r14, r13, r12, rbx, rbp;
	void (*go_on)(void);
	uint64_t no_return; /* entry() finds the stack as after a call from here */
};

void fiber_place_make(struct fiber_place *place, char *stack, size_t bytes, void (*entry)(void))
{
	uintptr_t top = ((uintptr_t)stack + bytes) & ~(uintptr_t)15;
	struct parked *parked = (struct parked *)(top - sizeof *parked);

	/* A function is entered with its return address 8 bytes below a multiple of 16. */
	_Static_assert(sizeof(struct parked) == 72, "as the code above has it");
	memset(parked, 0, sizeof *parked);
	__asm__ volatile("stmxcsr %0\n\tfnstcw %1"
			 : "=m"(parked->mxcsr), "=m"(parked->x87_control));
	parked->go_on = entry;
	place->top = parked;
}

void fiber_switch(struct fiber_place *from, struct fiber_place *to)
{
	fiber_switch_stacks(&from->top, to->top);
}

#endif
