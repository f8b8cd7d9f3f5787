/* SPDX-License-Identifier: MIT */
/*
 * One suite per source file. A file of tests ends with
 *
 *	TEST_SUITE("glob", test_one, test_two)
 *
 * and needs no entry anywhere else: the suite registers itself before main() runs.
 */
#ifndef CW_TESTS_UNIT_H
#define CW_TESTS_UNIT_H

#include <check.h>

/* Copies `tests`. */
void unit_register(const char *name, const TTest **tests, size_t count);

#define TEST_SUITE(name, ...) \
	__attribute__((constructor)) static void unit_register_this_file(void) \
	{ \
		const TTest *tests[] = {__VA_ARGS__}; \
		unit_register(name, tests, sizeof tests / sizeof *tests); \
	}

#endif
