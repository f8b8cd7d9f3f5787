/* SPDX-License-Identifier: MIT */
#include "base/fiber_switch.h"

#include <fenv.h>
#include <signal.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "../unit.h"
#include "base/fiber_sanitizer.h"

enum { stack_bytes = 64 * 1024 };

/* A stack of our own beside the test's, known to the sanitizers. */
static struct fiber_place home, away;
static char *stack;
static void *home_fake, *away_fake;
static const void *home_bottom;
static size_t home_bytes;
static unsigned valgrind_id;
static uint64_t seen[8];

static void go_away(void)
{
	fiber_sanitizer_before_switch(&home_fake, stack, stack_bytes);
	fiber_switch(&home, &away);
	fiber_sanitizer_after_switch(home_fake, NULL, NULL);
}

static void go_home(void)
{
	fiber_sanitizer_before_switch(&away_fake, home_bottom, home_bytes);
	fiber_switch(&away, &home);
	fiber_sanitizer_after_switch(away_fake, &home_bottom, &home_bytes);
}

static void begin(void (*entry)(void))
{
	stack = aligned_alloc(4096, stack_bytes);
	ck_assert_ptr_nonnull(stack);
	valgrind_id = VALGRIND_STACK_REGISTER(stack, stack + stack_bytes);
	fiber_place_make(&away, stack, stack_bytes, entry);
}

static void end(void)
{
	VALGRIND_STACK_DEREGISTER(valgrind_id);
	free(stack);
}

static void notes_its_stack(void)
{
	fiber_sanitizer_after_switch(NULL, &home_bottom, &home_bytes);
	for (;;) {
		alignas(16) volatile char here[16] = {1};

		seen[0] = (uintptr_t)&here[0] % 16;
		/* Vector instructions that want alignment. */
		seen[1] = (uint64_t)(strtod("1.5", NULL) * 2);
		seen[2] = (char *)here > stack && (char *)here < stack + stack_bytes;
		go_home();
	}
}

START_TEST(a_new_stack_is_aligned_for_a_function)
{
	begin(notes_its_stack);
	go_away();
	ck_assert_uint_eq(seen[0], 0);
	ck_assert_uint_eq(seen[1], 3);
	ck_assert_uint_eq(seen[2], 1);
	end();
}
END_TEST

/* So many values live across each switch that all the registers that can be are in use. */
static uint64_t churn(uint64_t x, void (*leave)(void))
{
	uint64_t a = x * 3, b = x * 5, c = x * 7, d = x * 11, e = x * 13, f = x * 17, g = x * 19;

	for (int i = 0; i < 1000; i++) {
		leave();
		a += b ^ (c >> 1), b += c ^ (d >> 1), c += d ^ (e >> 1), d += e ^ (f >> 1);
		e += f ^ (g >> 1), f += g ^ (a >> 1), g += a ^ (b >> 1);
	}
	return a ^ b ^ c ^ d ^ e ^ f ^ g;
}

static void nowhere(void)
{
	__asm__ volatile("" ::: "memory");
}

static void churns(void)
{
	fiber_sanitizer_after_switch(NULL, &home_bottom, &home_bytes);
	seen[0] = churn(42, go_home);
	for (;;)
		go_home();
}

START_TEST(callee_saved_registers_survive_a_switch)
{
	begin(churns);
	go_away();
	uint64_t ours = churn(99, go_away);

	ck_assert_uint_eq(ours, churn(99, nowhere));
	ck_assert_uint_eq(seen[0], churn(42, nowhere));
	end();
}
END_TEST

static void rounds_down(void)
{
	fiber_sanitizer_after_switch(NULL, &home_bottom, &home_bytes);
	fesetround(FE_DOWNWARD);
	for (;;) {
		go_home();
		seen[0] = (uint64_t)fegetround();
	}
}

START_TEST(each_stack_has_its_own_rounding_mode)
{
	begin(rounds_down);
	go_away();
	ck_assert_int_eq(fegetround(), FE_TONEAREST);
	fesetround(FE_UPWARD);
	go_away();
	ck_assert_uint_eq(seen[0], FE_DOWNWARD);
	ck_assert_int_eq(fegetround(), FE_UPWARD);
	fesetround(FE_TONEAREST);
	end();
}
END_TEST

static bool blocked(void)
{
	sigset_t mask;

	sigprocmask(SIG_SETMASK, NULL, &mask);
	return sigismember(&mask, SIGUSR1) == 1;
}

static void block(int how)
{
	sigset_t mask;

	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR1);
	sigprocmask(how, &mask, NULL);
}

static void looks_at_the_mask(void)
{
	fiber_sanitizer_after_switch(NULL, &home_bottom, &home_bytes);
	for (;;) {
		seen[0] = blocked() ? 1 : 0;
		block(SIG_UNBLOCK);
		go_home();
	}
}

START_TEST(stacks_share_the_signal_mask)
{
	begin(looks_at_the_mask);
	for (int i = 0; i < 2; i++) {
		block(SIG_BLOCK);
		go_away();
		ck_assert_uint_eq(seen[0], 1);
		ck_assert(!blocked());
	}
	go_away();
	ck_assert_uint_eq(seen[0], 0);
	end();
}
END_TEST

TEST_SUITE("fiber_switch", a_new_stack_is_aligned_for_a_function,
	callee_saved_registers_survive_a_switch, each_stack_has_its_own_rounding_mode,
	stacks_share_the_signal_mask)
