/* SPDX-License-Identifier: MIT */
#include "warm/run_result.h"

#include <string.h>

#include "../unit.h"
#include "base/buf.h"
#include "text/json.h"

static const struct fault oom = {.error = ERR_REDIS_OOM, .detail = "OOM command not allowed"};

static struct conf_job job = {.name = "j"};

static enum operation_state verdict(struct run_counts counts, struct fault *fault)
{
	const struct run_result result = {.counts = counts, .ended = *fault};

	return run_result_verdict(&result, &job, false, fault);
}

START_TEST(each_outcome_has_its_state)
{
	static const struct {
		struct run_counts counts;
		struct {
			enum error error;
			bool empty_ok, stored_before;
		} end;
		enum operation_state state;
	} cases[] = {
		{{.rows = 2, .stored = 2}, {0}, OPERATION_COMPLETED},
		{{.rows = 2, .stored = 1, .skipped = 1}, {0}, OPERATION_COMPLETED},
		{{.rows = 2, .skipped = 2}, {0}, OPERATION_COMPLETED},
		{{.rows = 2, .stored = 1, .invalidated = 1}, {0}, OPERATION_COMPLETED},
		{{.rows = 2, .stored = 1, .rejected = 1}, {0}, OPERATION_PARTIAL},
		{{.rows = 2, .skipped = 1, .rejected = 1}, {0}, OPERATION_PARTIAL},
		{{.rows = 3, .stored = 1, .rejected = 2}, {0}, OPERATION_PARTIAL},
		{{.rows = 2, .rejected = 2}, {0}, OPERATION_FAILED},
		{{.rows = 2, .rejected = 1, .invalidated = 1}, {0}, OPERATION_FAILED},
		{{.rows = 0}, {0}, OPERATION_FAILED},
		{{.rows = 0}, {.empty_ok = true}, OPERATION_COMPLETED},
		{{.rows = 0}, {.error = ERR_SOURCE_FAILED, .empty_ok = true}, OPERATION_FAILED},
		{{.rows = 2, .stored = 2}, {.error = ERR_SOURCE_FAILED}, OPERATION_PARTIAL},
		{{.rows = 2, .skipped = 2}, {.error = ERR_SOURCE_FAILED}, OPERATION_FAILED},
		{{.rows = 0}, {.error = ERR_SOURCE_FAILED, .stored_before = true},
			OPERATION_PARTIAL},
		{{.rows = 2, .stored = 1, .rejected = 1}, {.error = ERR_REDIS_OOM},
			OPERATION_PARTIAL},
		{{.rows = 1, .rejected = 1}, {.error = ERR_REDIS_OOM}, OPERATION_FAILED},
		{{.rows = 2, .stored = 2}, {.error = ERR_CANCELLED}, OPERATION_CANCELLED},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const struct run_result result = {
			.counts = cases[i].counts, .ended.error = cases[i].end.error};
		struct fault fault = result.ended;

		job.empty_ok = cases[i].end.empty_ok;
		ck_assert_msg(run_result_verdict(&result, &job, cases[i].end.stored_before,
				      &fault) == cases[i].state,
			"case %zu", i);
		if (cases[i].state == OPERATION_FAILED)
			ck_assert_msg(fault.error != OK, "case %zu has no error", i);
	}
}
END_TEST

START_TEST(a_failure_says_why)
{
	struct run_counts counts = {.rows = 1};
	struct fault fault = {0};

	job.empty_ok = false;
	run_counts_reject(&counts, 1, &oom);
	ck_assert_int_eq(verdict(counts, &fault), OPERATION_FAILED);
	ck_assert_int_eq(fault.error, ERR_WARM_FAILED);
	ck_assert_ptr_nonnull(strstr(fault.detail, "OOM command not allowed"));
	fault = (struct fault){0};
	verdict((struct run_counts){0}, &fault);
	ck_assert_ptr_nonnull(strstr(fault.detail, "no rows"));
}
END_TEST

START_TEST(more_bad_rows_than_half_are_an_error)
{
	for (unsigned rows = 2; rows <= 5; rows++)
		for (unsigned bad = 1; bad < rows; bad++) {
			struct run_counts counts = {.rows = rows, .stored = rows - bad};
			struct fault fault = {0};

			for (unsigned i = 0; i < bad; i++)
				run_counts_reject(&counts, i + 1, &oom);
			ck_assert_int_eq(verdict(counts, &fault), OPERATION_PARTIAL);
			ck_assert_int_eq(fault.error, bad * 2 > rows ? ERR_WARM_FAILED : OK);
		}
}
END_TEST

START_TEST(the_result_has_all_members)
{
	char name[] = "j";
	struct run_result result = {.job = name,
		.counts = {.rows = 4, .stored = 2, .skipped = 1, .bytes = 30},
		.attempts = 1,
		.took_ns = 500000000};
	struct buf out = {0};

	run_counts_reject(&result.counts, 3, &oom);
	cJSON *json = run_result_json(&result);
	json_print(json, &out);
	ck_assert_str_eq(out.p,
		"{\"job\":\"j\",\"rows\":4,\"stored\":2,\"skipped\":1,\"rejected\":1,"
		"\"invalidated_meanwhile\":0,\"bytes\":30,\"attempts\":1,"
		"\"reasons\":{\"redis_oom\":1},"
		"\"first_errors\":[{\"row\":3,\"detail\":\"OOM command not allowed\"}],"
		"\"duration_ms\":500,\"keys_per_second\":4}");
	cJSON_Delete(json);
	buf_release(&out);
}
END_TEST

START_TEST(the_error_that_ended_the_run_comes_first)
{
	char name[] = "j";
	struct run_result result = {
		.job = name, .ended = {.error = ERR_SOURCE_FAILED, .detail = "it broke"}};

	for (uint64_t row = 1; row <= 25; row++)
		run_counts_reject(&result.counts, row, &oom);
	ck_assert_uint_eq(result.counts.rejected, 25);
	ck_assert_uint_eq(result.counts.reasons[ERR_REDIS_OOM], 25);
	cJSON *json = run_result_json(&result);
	const cJSON *errors = cJSON_GetObjectItemCaseSensitive(json, "first_errors");
	const cJSON *first = cJSON_GetArrayItem(errors, 0), *last = cJSON_GetArrayItem(errors, 10);

	ck_assert_int_eq(cJSON_GetArraySize(errors), 11);
	ck_assert(cJSON_IsNull(cJSON_GetObjectItemCaseSensitive(first, "row")));
	ck_assert_str_eq(
		cJSON_GetObjectItemCaseSensitive(first, "detail")->valuestring, "it broke");
	ck_assert_str_eq(cJSON_GetObjectItemCaseSensitive(last, "row")->valuestring, "10");
	cJSON_Delete(json);
}
END_TEST

TEST_SUITE("run_result", each_outcome_has_its_state, a_failure_says_why,
	more_bad_rows_than_half_are_an_error, the_result_has_all_members,
	the_error_that_ended_the_run_comes_first)
