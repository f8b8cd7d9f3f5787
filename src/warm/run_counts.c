/* SPDX-License-Identifier: MIT */
/* Counts, verdict and result of a run; see run_counts.h. */
#include "warm/run_counts.h"

#include <string.h>

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

/* The verdict of a run that read its source to the end. */
static enum operation_state verdict_of_counts(
	const struct run_counts *counts, const struct run_end *end, struct fault *fault)
{
	if (counts->rows == 0) {
		bool named = counts->absent && end->rows.n;

		if (end->empty_ok)
			return OPERATION_COMPLETED;
		fault_set(fault, ERR_WARM_FAILED,
			"the source of job \"%s\" gave no rows%s%.*s%s; if that is right, set "
			"`empty: ok`",
			end->job, named ? ": there is no array at \"" : "",
			named ? (int)end->rows.n : 0, end->rows.p, named ? "\"" : "");
		return OPERATION_FAILED;
	}
	if (counts->stored == 0 && counts->skipped == 0) {
		fault_set(fault, ERR_WARM_FAILED,
			"job \"%s\" read %llu rows and stored none: %llu rejected, %llu "
			"invalidated meanwhile%s%.300s",
			end->job, (unsigned long long)counts->rows,
			(unsigned long long)counts->rejected,
			(unsigned long long)counts->invalidated,
			counts->first_count ? "; first: " : "",
			counts->first_count ? counts->first[0].detail : "");
		return OPERATION_FAILED;
	}
	return counts->rejected ? OPERATION_PARTIAL : OPERATION_COMPLETED;
}

enum operation_state run_counts_verdict(
	const struct run_counts *counts, const struct run_end *end, struct fault *fault)
{
	if (end->error == ERR_CANCELLED)
		return OPERATION_CANCELLED;
	if (!end->error)
		return verdict_of_counts(counts, end, fault);
	return counts->stored || end->stored_before ? OPERATION_PARTIAL : OPERATION_FAILED;
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

cJSON *run_counts_json(
	const struct run_counts *counts, const struct run_end *end, const struct fault *fault)
{
	cJSON *result = cJSON_CreateObject(), *errors = cJSON_CreateArray();
	double seconds = (double)end->took_ns / 1e9;

	json_add_slice(result, "job", slice_str(end->job));
	json_add_uint(result, "rows", counts->rows);
	json_add_uint(result, "stored", counts->stored);
	json_add_uint(result, "skipped", counts->skipped);
	json_add_uint(result, "rejected", counts->rejected);
	json_add_uint(result, "invalidated_meanwhile", counts->invalidated);
	json_add_uint(result, "bytes", counts->bytes);
	json_add_uint(result, "attempts", end->attempts);
	cJSON_AddItemToObject(result, "reasons", reasons_json(counts));
	if (end->error && fault)
		add_error(errors, 0, fault->detail);
	for (size_t i = 0; i < counts->first_count; i++)
		add_error(errors, counts->first[i].row, counts->first[i].detail);
	cJSON_AddItemToObject(result, "first_errors", errors);
	json_add_number(result, "duration_ms", seconds * 1e3, 1);
	if (end->took_ns > 0)
		json_add_number(result, "keys_per_second", (double)counts->stored / seconds, 1);
	else
		cJSON_AddNullToObject(result, "keys_per_second");
	return result;
}
