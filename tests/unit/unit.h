/* SPDX-License-Identifier: MIT */
/*
 * One suite per source file. A file of tests ends with
 *
 *	TEST_SUITE("glob", test_one, test_two)
 *
 * and needs no entry anywhere else: the suite registers itself before main() runs. Tests that must
 * end by a signal are in a TEST_SUITE_SIGNAL; under AddressSanitizer, which turns signals other
 * than SIGABRT into an exit status, they must exit with that status.
 */
#ifndef CW_TESTS_UNIT_H
#define CW_TESTS_UNIT_H

#include <check.h>
#include <stdint.h>

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

/* A test that is one call, such as a body that runs in a fiber. */
#define TEST_CALL(name, ...) \
	START_TEST(name) \
	{ \
		__VA_ARGS__; \
	} \
	END_TEST

/*
 * A clock for upper bounds, in milliseconds: it stands still while this process is ready to run and
 * waits for a processor that others use.
 */
int64_t unit_now_ms(void);

/* The processor time that this process has used, in microseconds. */
int64_t unit_cpu_us(void);

/*
 * What should take `within_ms` since `began_ms` of unit_now_ms(), with room for sanitizers and for
 * servers that wait for a processor: such a bound finds what hangs or waits for a timeout; it
 * measures nothing.
 */
#define ck_assert_soon(began_ms, within_ms) \
	ck_assert_int_le(unit_now_ms() - (began_ms), (within_ms)*5 + 500)

/*
 * Work whose processor time since `began_us` must stay below `times` that of other work over as
 * many bytes: this holds on slow machines and under sanitizers, too.
 */
#define ck_assert_work(began_us, times, yardstick_us) \
	ck_assert_int_lt(unit_cpu_us() - (began_us), (times) * (yardstick_us))

#endif
