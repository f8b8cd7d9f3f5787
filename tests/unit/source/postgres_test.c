/* SPDX-License-Identifier: MIT */
/* What needs no server; the rest is in tests/live/test_postgres*.py. */
#include <string.h>

#include "../unit.h"
#include "live.h"

static struct conf_source database(const char *dsn)
{
	return (struct conf_source){.type = SOURCE_POSTGRES,
		.name = "shop",
		.dsn = (char *)(uintptr_t)dsn,
		.query = (char *)(uintptr_t) "SELECT $1",
		.query_params = 1,
		.pool = 1,
		.statement_timeout_ms = 1000,
		.breaker_failures = 100,
		.breaker_open_ms = 1000};
}

static void without_server(void)
{
	struct conf_source conf = database("host=/nowhere user=u");
	const struct source_param param = {SLICE("id"), SLICE("1")};

	/* Twice: the turn in the pool was given back. */
	for (int i = 0; i < 2; i++) {
		struct outcome o = live_call(&(struct source_call){.conf = &conf,
			.params = &param,
			.param_count = 1,
			.deadline = clock_deadline(60000),
			.max_row_bytes = 1000});

		ck_assert_int_eq(o.error, ERR_SOURCE_FAILED);
		ck_assert_ptr_nonnull(strstr(
			o.fault.detail, "source shop: cannot connect to PostgreSQL; PostgreSQL"));
		outcome_release(&o);
	}
}

static void with_a_nul(void)
{
	struct conf_source conf = database("host=/nowhere user=u");
	const struct source_param param = {SLICE("id"), SLICE("a\0b")};
	struct outcome o = live_call(&(struct source_call){.conf = &conf,
		.params = &param,
		.param_count = 1,
		.deadline = clock_deadline(60000),
		.max_row_bytes = 1000});

	ck_assert_int_eq(o.error, ERR_BAD_PARAMETER);
	ck_assert_ptr_nonnull(strstr(o.fault.detail, "the value of id has a NUL byte"));
	outcome_release(&o);
}

static void closed_unread(void)
{
	struct conf_source conf = database("host=/nowhere user=u");
	struct source *source;

	ck_assert_int_eq(source_open(live.sources,
				 &(struct source_call){.conf = &conf,
					 .deadline = clock_deadline(60000),
					 .max_row_bytes = 1000},
				 &source, NULL),
		OK);
	source_close(source);
}

TEST_CALL(no_server_is_a_failure, live_run(without_server))
TEST_CALL(a_nul_byte_is_no_value, live_run(with_a_nul))
TEST_CALL(a_source_that_was_not_read_is_closed, live_run(closed_unread))

TEST_SUITE("source_postgres", no_server_is_a_failure, a_nul_byte_is_no_value,
	a_source_that_was_not_read_is_closed)
