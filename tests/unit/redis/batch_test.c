/* SPDX-License-Identifier: MIT */
#include "redis/batch.h"

#include <string.h>

#include "../unit.h"
#include "base/mem.h"
#include "redis/pipeline.h"

START_TEST(commands_are_encoded_as_arrays_of_bytes)
{
	struct pipeline *pipeline = pipeline_new();

	ck_assert_uint_eq(
		pipeline_add(pipeline, 2, (struct slice[]){SLICE("GET"), SLICE("a\0b\r\n")}), 0);
	ck_assert_uint_eq(pipeline_add(pipeline, 1, (struct slice[]){SLICE("PING")}), 1);
	ck_assert_uint_eq(pipeline_add(pipeline, 2, (struct slice[]){SLICE("GET"), SLICE("")}), 2);
	struct slice wanted = SLICE("*2\r\n$3\r\nGET\r\n$5\r\na\0b\r\n\r\n"
				    "*1\r\n$4\r\nPING\r\n"
				    "*2\r\n$3\r\nGET\r\n$0\r\n\r\n");

	ck_assert(slice_equal(buf_slice(&pipeline->bytes), wanted));
	ck_assert_uint_eq(pipeline->slots[0].end, 24);
	ck_assert_uint_eq(pipeline->slots[1].end, 38);
	ck_assert_uint_eq(pipeline->slots[2].end, wanted.n);
	pipeline_free(pipeline);
}
END_TEST

START_TEST(long_arguments_and_many_of_them_fit)
{
	struct pipeline *pipeline = pipeline_new();
	struct slice argv[1001];
	char *big = mem_zalloc(123456);

	argv[0] = SLICE("UNLINK");
	for (int i = 1; i <= 1000; i++)
		argv[i] = slice_of(big, (size_t)i);
	pipeline_add(pipeline, 1001, argv);
	ck_assert(slice_starts(
		buf_slice(&pipeline->bytes), SLICE("*1001\r\n$6\r\nUNLINK\r\n$1\r\n")));
	ck_assert_mem_eq(pipeline->bytes.p + pipeline->bytes.n - 2, "\r\n", 2);
	pipeline_add(pipeline, 2, (struct slice[]){SLICE("GET"), slice_of(big, 123456)});
	ck_assert_uint_eq(pipeline->slots[1].end - pipeline->slots[0].end,
		123456 + strlen("*2$3GET$123456") + 10);
	pipeline_free(pipeline);
	mem_free(big);
}
END_TEST

START_TEST(a_failed_flight_gives_its_batch_the_reason)
{
	struct redis_batch *batch = redis_batch_new();
	struct fault fault, got;

	REDIS_ADD(batch, SLICE("GET"), SLICE("a"));
	REDIS_ADD(batch, SLICE("GET"), SLICE("b"));
	ck_assert_uint_eq(redis_batch_count(batch), 2);
	ck_assert_uint_eq(redis_batch_bytes(batch), 40);
	struct pipeline *pipeline = redis_batch_begin(batch);

	ck_assert(!redis_batch_done(batch));
	ck_assert_int_eq(redis_batch_took_us(batch), 0);
	fault_set(&fault, ERR_TIMEOUT, "too slow");
	pipeline_fail(pipeline, &fault);
	ck_assert(redis_batch_done(batch));
	/* It is done: this does not park. */
	ck_assert_int_eq(redis_batch_wait(batch, DEADLINE_NONE, &got), ERR_TIMEOUT);
	ck_assert_str_eq(got.detail, "too slow");
	ck_assert_ptr_null(redis_batch_reply(batch, 1));
	redis_batch_clear(batch);
	ck_assert_uint_eq(redis_batch_count(batch), 0);
	REDIS_ADD(batch, SLICE("PING"));
	ck_assert_uint_eq(redis_batch_bytes(batch), 14);
	redis_batch_free(batch);
}
END_TEST

START_TEST(a_batch_freed_in_flight_gets_no_replies)
{
	struct redis_batch *batch = redis_batch_new();
	struct fault fault;

	REDIS_ADD(batch, SLICE("GET"), SLICE("a"));
	struct pipeline *pipeline = redis_batch_begin(batch);

	redis_batch_free(batch);
	fault_set(&fault, ERR_STOPPING, "the end");
	pipeline_fail(pipeline, &fault);
}
END_TEST

TEST_SUITE("batch", commands_are_encoded_as_arrays_of_bytes, long_arguments_and_many_of_them_fit,
	a_failed_flight_gives_its_batch_the_reason, a_batch_freed_in_flight_gets_no_replies)
