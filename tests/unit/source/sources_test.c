/* SPDX-License-Identifier: MIT */
#include "source/sources.h"

#include "../unit.h"
#include "source/http_answer.h"

/* The breaker's own rules are in base/breaker_test.c. Here: which source it is, and what it says.
 */
static const struct conf_source conf = {
	.name = "s", .breaker_failures = 2, .breaker_open_ms = 5000};
static const struct conf_source other = {
	.name = "t", .breaker_failures = 2, .breaker_open_ms = 5000};

static void ends(struct sources *sources, uint64_t key, enum sources_outcome outcome)
{
	struct sources_use use = {&conf, key};

	ck_assert_int_eq(sources_enter(sources, &use, NULL), OK);
	sources_leave(sources, &use, outcome, "HTTP 500");
}

static void state_is(const struct sources *sources, const char *state, unsigned failures)
{
	struct source_breaker breaker = sources_breaker(sources, &conf);

	ck_assert_str_eq(breaker_state_name(breaker.state), state);
	ck_assert_uint_eq(breaker.failures, failures);
	ck_assert_str_eq(breaker.why, failures ? "HTTP 500" : "");
}

START_TEST(an_open_breaker_says_what_failed_last)
{
	struct sources *sources = sources_new(NULL, NULL, NULL);
	struct sources_use use = {&conf, 3}, elsewhere = {&other, 3};
	struct fault fault;
	struct clock_fake now = {.mono_ns = INT64_C(1000000000000)};

	clock_use_fake(&now);
	ends(sources, 1, USE_FAILED);
	ends(sources, 2, USE_FAILED);
	state_is(sources, "open", 2);
	now.mono_ns += INT64_C(4000000000);
	ck_assert_int_eq(sources_enter(sources, &use, &fault), ERR_SOURCE_FAILED);
	ck_assert_str_eq(fault.detail,
		"failed for 2 different keys and is not asked for another 1000 ms; last failure: "
		"HTTP 500");
	ck_assert_int_eq(sources_enter(sources, &elsewhere, &fault), OK);
	sources_free(sources);
}
END_TEST

/* The sources of a job, of its visits, of a loader and of `sources` may have one name. */
START_TEST(sources_with_equal_names_have_breakers_of_their_own)
{
	struct sources *sources = sources_new(NULL, NULL, NULL);
	struct clock_fake now = {.mono_ns = INT64_C(1000000000000)};

	clock_use_fake(&now);
	ends(sources, 1, USE_FAILED);
	ends(sources, 2, USE_FAILED);
	for (int owner = OWNER_JOB; owner <= OWNER_LOADER; owner++) {
		struct conf_source namesake = conf;
		struct sources_use use = {&namesake, 3};

		namesake.owner = owner;
		ck_assert_int_eq(sources_enter(sources, &use, NULL), OK);
		ck_assert_int_eq(sources_breaker(sources, &namesake).state, BREAKER_CLOSED);
		sources_leave(sources, &use, USE_SUCCEEDED, NULL);
	}
	state_is(sources, "open", 2);
	sources_free(sources);
}
END_TEST

START_TEST(an_answer_about_one_key_closes_it_and_takes_back_no_failure)
{
	struct sources *sources = sources_new(NULL, NULL, NULL);
	struct clock_fake now = {.mono_ns = INT64_C(1000000000000)};

	clock_use_fake(&now);
	ends(sources, 1, USE_FAILED);
	ends(sources, 9, USE_ANSWERED);
	ends(sources, 9, USE_LEFT);
	state_is(sources, "closed", 1);
	ends(sources, 2, USE_FAILED);
	now.mono_ns += INT64_C(5000000000);
	state_is(sources, "half_open", 2);
	ends(sources, 1, USE_LEFT);
	state_is(sources, "half_open", 2);
	ends(sources, 1, USE_ANSWERED);
	state_is(sources, "closed", 0);
	ends(sources, 1, USE_FAILED);
	ends(sources, 9, USE_SUCCEEDED);
	state_is(sources, "closed", 0);
	sources_free(sources);
}
END_TEST

START_TEST(each_status_has_its_meaning)
{
	static const struct {
		long status;
		enum http_answer answer;
	} rows[] = {{200, HTTP_ROWS}, {204, HTTP_NOTHING}, {301, HTTP_REFUSED}, {304, HTTP_REFUSED},
		{400, HTTP_REFUSED}, {401, HTTP_FAILED}, {403, HTTP_REFUSED}, {404, HTTP_NOTHING},
		{408, HTTP_FAILED}, {409, HTTP_REFUSED}, {410, HTTP_NOTHING}, {422, HTTP_REFUSED},
		{429, HTTP_FAILED}, {500, HTTP_FAILED}, {503, HTTP_FAILED}, {599, HTTP_FAILED}};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		ck_assert_int_eq(http_answer_of(rows[i].status), rows[i].answer);
}
END_TEST

TEST_SUITE("sources", an_open_breaker_says_what_failed_last,
	sources_with_equal_names_have_breakers_of_their_own,
	an_answer_about_one_key_closes_it_and_takes_back_no_failure, each_status_has_its_meaning)
