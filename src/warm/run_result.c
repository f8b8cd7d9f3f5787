/* SPDX-License-Identifier: MIT */
/* Counts, verdict and result of a run; see run_result.h. */
#include "warm/run_result.h"

#include <string.h>

#include "base/mem.h"
#include "text/json.h"

static void remember(struct run_counts *counts, uint64_t row, const char *detail)
{
	if (counts->first_count == RUN_FIRST_ERRORS)
		return;
	struct run_error *at = &counts->first[counts->first_count++];

	at->row = row;
	memcpy(at->detail, detail, strnlen(detail, sizeof at->detail - 1) + 1);
	at->detail[sizeof at->detail - 1] = '\0';
}

void run_counts_reject(struct run_counts *counts, uint64_t row, const struct fault *why)
{
	counts->rejected++;
	counts->reasons[why->error]++;
	remember(counts, row, why->detail);
}

static enum operation_state fail_visits(
	const struct run_counts *counts, const struct conf_job *job, struct fault *fault)
{
	fault_set(fault, ERR_WARM_FAILED,
		"job \"%s\" read %llu rows, and no visit succeeded%s%.300s", job->name,
		(unsigned long long)counts->rows, counts->first_count ? "; first: " : "",
		counts->first_count ? counts->first[0].detail : "");
	return OPERATION_FAILED;
}

/* The verdict of a run that read its source to the end. */
static enum operation_state verdict_of_counts(
	const struct run_counts *counts, const struct conf_job *job, struct fault *fault)
{
	if (counts->unchanged)
		return OPERATION_COMPLETED;
	if (counts->rows == 0) {
		struct slice rows = counts->absent ? job->source.rows : slice_of("", 0);

		if (job->empty_ok)
			return OPERATION_COMPLETED;
		fault_set(fault, ERR_WARM_FAILED,
			"the source of job \"%s\" gave no rows%s%.*s%s; if that is right, set "
			"`empty: ok`",
			job->name, rows.n ? ": there is no array at \"" : "", (int)rows.n, rows.p,
			rows.n ? "\"" : "");
		return OPERATION_FAILED;
	}
	if (job->mode == MODE_VISIT && counts->visited == 0)
		return fail_visits(counts, job, fault);
	if (job->mode != MODE_VISIT && counts->stored == 0 && counts->skipped == 0) {
		fault_set(fault, ERR_WARM_FAILED,
			"job \"%s\" read %llu rows and stored none: %llu rejected, %llu "
			"invalidated meanwhile%s%.300s",
			job->name, (unsigned long long)counts->rows,
			(unsigned long long)counts->rejected,
			(unsigned long long)counts->invalidated,
			counts->first_count ? "; first: " : "",
			counts->first_count ? counts->first[0].detail : "");
		return OPERATION_FAILED;
	}
	if (counts->rejected > counts->rows / 2)
		fault_set(fault, ERR_WARM_FAILED,
			"job \"%s\" rejected %llu of %llu rows; first: %.300s", job->name,
			(unsigned long long)counts->rejected, (unsigned long long)counts->rows,
			counts->first_count ? counts->first[0].detail : "");
	return counts->rejected ? OPERATION_PARTIAL : OPERATION_COMPLETED;
}

enum operation_state run_result_verdict(const struct run_result *result, const struct conf_job *job,
	bool stored_before, struct fault *fault)
{
	if (result->ended.error == ERR_CANCELLED)
		return OPERATION_CANCELLED;
	if (!result->ended.error)
		return verdict_of_counts(&result->counts, job, fault);
	return result->counts.stored || result->counts.visited || stored_before ? OPERATION_PARTIAL
										: OPERATION_FAILED;
}

void run_result_free(void *result)
{
	struct run_result *of = result;

	if (!of)
		return;
	mem_free(of->job);
	mem_free(of);
}

static cJSON *reasons_json(const struct run_counts *counts)
{
	cJSON *reasons = cJSON_CreateObject();

	for (enum error error = OK; error < ERROR_COUNT; error++)
		if (counts->reasons[error])
			json_add_uint(reasons, error_code(error), counts->reasons[error]);
	return reasons;
}

static void add_error(cJSON *errors, uint64_t row, const char *detail)
{
	cJSON *error = cJSON_CreateObject();

	if (row)
		json_add_uint(error, "row", row);
	else
		cJSON_AddNullToObject(error, "row");
	json_add_slice(error, "detail", slice_str(detail));
	cJSON_AddItemToArray(errors, error);
}

cJSON *run_counts_so_far(const void *counts)
{
	const struct run_counts *of = counts;
	cJSON *object = cJSON_CreateObject();

	json_add_uint(object, "stored", of->stored + of->visited);
	json_add_uint(object, "skipped", of->skipped);
	json_add_uint(object, "rejected", of->rejected);
	cJSON *errors = cJSON_AddArrayToObject(object, "first_errors");
	for (size_t i = 0; i < of->first_count; i++)
		add_error(errors, of->first[i].row, of->first[i].detail);
	return object;
}

cJSON *run_result_json(const void *result)
{
	const struct run_result *of = result;
	const struct run_counts *counts = &of->counts;
	cJSON *object = cJSON_CreateObject(), *errors;
	double seconds = (double)of->took_ns / 1e9;

	json_add_slice(object, "job", slice_str(of->job));
	json_add_uint(object, "rows", counts->rows);
	if (counts->unchanged)
		cJSON_AddTrueToObject(object, "unchanged");
	json_add_uint(object, "stored", counts->stored);
	if (of->visits)
		json_add_uint(object, "visited", counts->visited);
	if (of->swaps)
		json_add_uint(object, "removed", counts->removed);
	json_add_uint(object, "skipped", counts->skipped);
	json_add_uint(object, "rejected", counts->rejected);
	json_add_uint(object, "invalidated_meanwhile", counts->invalidated);
	json_add_uint(object, "bytes", counts->bytes);
	json_add_uint(object, "attempts", of->attempts);
	cJSON_AddItemToObject(object, "reasons", reasons_json(counts));
	errors = cJSON_AddArrayToObject(object, "first_errors");
	if (of->ended.error)
		add_error(errors, 0, of->ended.detail);
	for (size_t i = 0; i < counts->first_count; i++)
		add_error(errors, counts->first[i].row, counts->first[i].detail);
	json_add_number(object, "duration_ms", seconds * 1e3, 1);
	if (of->took_ns > 0)
		json_add_number(object, "keys_per_second",
			(double)(counts->stored + counts->visited) / seconds, 1);
	else
		cJSON_AddNullToObject(object, "keys_per_second");
	return object;
}
