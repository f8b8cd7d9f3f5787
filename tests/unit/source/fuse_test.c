/* SPDX-License-Identifier: MIT */
#include "source/fuse.h"

#include "../unit.h"
#include "source/http_answer.h"

static struct fuse *fuses;
static struct clock_fake now;
static struct conf_source conf = {.name = "s", .breaker_failures = 3, .breaker_open_ms = 5000};

static void setup(void)
{
	now.mono_ns = INT64_C(1000000000000);
	clock_use_fake(&now);
}

static void wait_ms(int64_t ms)
{
	now.mono_ns += ms * 1000000;
}

static struct fuse_use use(uint64_t key)
{
	return (struct fuse_use){&conf, key};
}

static bool enters(uint64_t key)
{
	struct fault fault = {0};
	enum error error = fuse_enter(fuses, use(key), &fault);

	ck_assert(error == OK || error == ERR_SOURCE_FAILED);
	return error == OK;
}

static void fails(uint64_t key)
{
	ck_assert(enters(key));
	fuse_failed(&fuses, use(key), "HTTP 500");
}

static void open_it(void)
{
	for (uint64_t key = 1; key <= 3; key++)
		fails(key);
	ck_assert_str_eq(fuse_state(fuses, "s").state, "open");
}

static void state_is(const char *state, unsigned failures)
{
	struct source_breaker got = fuse_state(fuses, "s");

	ck_assert_str_eq(got.state, state);
	ck_assert_uint_eq(got.failures, failures);
	ck_assert_int_eq(got.open, *state != 'c');
}

START_TEST(one_key_never_opens_it)
{
	setup();
	for (int i = 0; i < 20; i++)
		fails(7);
	state_is("closed", 1);
	fails(8);
	fails(7);
	state_is("closed", 2);
	ck_assert_str_eq(fuse_state(fuses, "s").why, "HTTP 500");
	/* An answer about one key counts for no other, nor takes back what was counted. */
	ck_assert(enters(9));
	fuse_answered(&fuses, use(9));
	state_is("closed", 2);
	ck_assert(enters(9));
	fuse_left(fuses, use(9));
	state_is("closed", 2);
	fails(9);
	state_is("open", 3);
	fuse_free_all(&fuses);
}
END_TEST

START_TEST(a_success_between_begins_the_count_again)
{
	setup();
	fails(1);
	fails(2);
	ck_assert(enters(1));
	fuse_succeeded(&fuses, use(1));
	state_is("closed", 0);
	fails(3);
	fails(4);
	state_is("closed", 2);
	fuse_free_all(&fuses);
}
END_TEST

START_TEST(open_nothing_is_asked)
{
	struct fault fault;

	setup();
	open_it();
	wait_ms(4000);
	ck_assert_int_eq(fuse_enter(fuses, use(4), &fault), ERR_SOURCE_FAILED);
	ck_assert_str_eq(fault.detail,
		"failed for 3 different keys and is left alone for 1000 ms more; the last time: "
		"HTTP 500");
	/* What began before it opened and fails now changes nothing; what succeeds closes it. */
	fuse_failed(&fuses, use(5), "late");
	state_is("open", 3);
	wait_ms(999);
	ck_assert(!enters(4));
	fuse_succeeded(&fuses, use(6));
	state_is("closed", 0);
	ck_assert(enters(4));
	fuse_free_all(&fuses);
}
END_TEST

START_TEST(half_open_more_than_one_key_is_tried)
{
	setup();
	open_it();
	wait_ms(5000);
	state_is("half_open", 3);
	/* The bad key is tried first, and fails; it does not take the place of others. */
	fails(1);
	state_is("half_open", 3);
	ck_assert(!enters(1));
	ck_assert(enters(10));
	ck_assert(!enters(10));
	fuse_succeeded(&fuses, use(10));
	state_is("closed", 0);
	ck_assert(enters(1));
	fuse_free_all(&fuses);
}
END_TEST

START_TEST(half_open_so_many_are_tried_at_once)
{
	setup();
	open_it();
	wait_ms(5000);
	for (uint64_t key = 1; key <= FUSE_TRIES; key++)
		ck_assert(enters(key));
	ck_assert(!enters(9));
	/* One that ends without a verdict makes way. */
	fuse_left(fuses, use(2));
	ck_assert(enters(9));
	fuse_failed(&fuses, use(9), "x");
	fuse_failed(&fuses, use(1), "x");
	state_is("half_open", 3);
	fuse_failed(&fuses, use(3), "x");
	state_is("open", 3);
	wait_ms(5000);
	ck_assert(enters(1));
	/* That it answered at all closes it. */
	fuse_answered(&fuses, use(1));
	state_is("closed", 0);
	fuse_free_all(&fuses);
}
END_TEST

START_TEST(a_single_key_is_tried_again)
{
	setup();
	open_it();
	wait_ms(5000);
	for (int i = 0; i < 5; i++) {
		fails(1);
		wait_ms(4999);
		ck_assert(!enters(1));
		wait_ms(1);
	}
	state_is("half_open", 3);
	fuse_free_all(&fuses);
}
END_TEST

START_TEST(what_a_status_tells)
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

TEST_SUITE("fuse", one_key_never_opens_it, a_success_between_begins_the_count_again,
	open_nothing_is_asked, half_open_more_than_one_key_is_tried,
	half_open_so_many_are_tried_at_once, a_single_key_is_tried_again, what_a_status_tells)
