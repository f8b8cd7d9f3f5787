/* SPDX-License-Identifier: MIT */
/*
 * One suite per source file. A file of tests ends with
 *
 *	TEST_SUITE("glob", test_one, test_two)
 *
 * and needs no entry anywhere else: the suite registers itself before main() runs. Tests that must
 * end by a signal stand in a TEST_SUITE_SIGNAL; under AddressSanitizer, which ends the process its
 * own way where it is no SIGABRT, they must fail to exit cleanly instead.
 */
#ifndef CW_TESTS_UNIT_H
#define CW_TESTS_UNIT_H

#include <check.h>

/* Copies `tests`. `signal` is how each test must end, 0 = by returning. */
void unit_register(const char *name, int signal, const TTest **tests, size_t count);

#define UNIT_JOIN_(a, b) a##b
#define UNIT_JOIN(a, b)	 UNIT_JOIN_(a, b)

#define TEST_SUITE_SIGNAL(name, signal, ...) \
	__attribute__((constructor)) static void UNIT_JOIN(unit_register_, __LINE__)(void) \
	{ \
		const TTest *tests[] = {__VA_ARGS__}; \
		unit_register(name, signal, tests, sizeof tests / sizeof *tests); \
	}

#define TEST_SUITE(name, ...) TEST_SUITE_SIGNAL(name, 0, __VA_ARGS__)

/*
 * What should take `within_ms`, with room for a busy machine and sanitizers: such a bound finds
 * what hangs or waits for a timeout; it measures nothing.
 */
#define ck_assert_soon(began_ms, within_ms) \
	ck_assert_int_le(clock_mono_ms() - (began_ms), (within_ms)*5 + 500)

#endif
