/* SPDX-License-Identifier: MIT */
/* Runs the registered suites, or those named on the command line: SUITE, or SUITE.TEST for one
 * test; --list names the suites, --tests the tests. */
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"

enum { max_suites = 256, max_tests = 64, test_timeout_seconds = 240 };

static struct {
	const char *name;
	int signal;
	const TTest *tests[max_tests];
	size_t count;
} suites[max_suites];
static size_t suite_count;

void unit_register(const char *name, int signal, const TTest **tests, size_t count)
{
	if (suite_count == max_suites || count > max_tests)
		abort();
	suites[suite_count].name = name;
	suites[suite_count].signal = signal;
	memcpy(suites[suite_count].tests, tests, count * sizeof *tests);
	suites[suite_count++].count = count;
}

/* AddressSanitizer turns a fault into exit code 1 and a report; abort() stays a signal. */
static void add_test(TCase *tests, const TTest *test, int signal)
{
#if defined(__SANITIZE_ADDRESS__)
	if (signal && signal != SIGABRT) {
		tcase_add_exit_test(tests, test, 1);
		return;
	}
#endif
	if (signal)
		tcase_add_test_raise_signal(tests, test, signal);
	else
		tcase_add_test(tests, test);
}

static int wanted(const char *suite, const char *test, int argc, char **argv)
{
	size_t n = strlen(suite);

	for (int i = 1; i < argc; i++)
		if (strncmp(argv[i], suite, n) == 0 &&
			(!argv[i][n] || (argv[i][n] == '.' && !strcmp(argv[i] + n + 1, test))))
			return 1;
	return argc == 1;
}

/* Adds the tests of suite `i` that are wanted; returns how many those are. */
static int add_suite(SRunner *runner, size_t i, int argc, char **argv)
{
	TCase *tests = NULL;
	int added = 0;

	for (size_t j = 0; j < suites[i].count; j++) {
		if (!wanted(suites[i].name, suites[i].tests[j]->name, argc, argv))
			continue;
		if (!tests) {
			Suite *suite = suite_create(suites[i].name);

			tests = tcase_create(suites[i].name);
			tcase_set_timeout(tests, test_timeout_seconds);
			suite_add_tcase(suite, tests);
			srunner_add_suite(runner, suite);
		}
		add_test(tests, suites[i].tests[j], suites[i].signal);
		added++;
	}
	return added;
}

static int list(bool with_tests)
{
	for (size_t i = 0; i < suite_count; i++) {
		if (!with_tests)
			puts(suites[i].name);
		for (size_t j = 0; with_tests && j < suites[i].count; j++)
			printf("%s.%s\n", suites[i].name, suites[i].tests[j]->name);
	}
	return EXIT_SUCCESS;
}

/* What a developer's shell may have set for a daemon is not for the tests. */
static void forget_environment(void)
{
	static const char *const names[] = {"CACHEWARDEN_LISTEN", "CACHEWARDEN_LOG_LEVEL",
		"REDIS_CACHE_TTL", "REDIS_URL", "STATE_DIRECTORY"};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		unsetenv(names[i]);
}

int main(int argc, char **argv)
{
	forget_environment();
	if (argc == 2 && (strcmp(argv[1], "--list") == 0 || strcmp(argv[1], "--tests") == 0))
		return list(strcmp(argv[1], "--tests") == 0);
	/* As in the daemon: a peer that is gone is an error of write(2), no signal. */
	signal(SIGPIPE, SIG_IGN);
	SRunner *runner = srunner_create(NULL);
	int added = 0;

	for (size_t i = 0; i < suite_count; i++)
		added += add_suite(runner, i, argc, argv);
	if (!added) {
		fprintf(stderr, "no such suite, or no such test in it\n");
		return EXIT_FAILURE;
	}
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
