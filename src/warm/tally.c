/* SPDX-License-Identifier: MIT */
/* Counts, verdict and result of a run; see tally.h. */
#include "warm/tally.h"

#include <string.h>

#include "text/json.h"

static void remember(struct tally *tally, uint64_t row, const char *detail)
{
	if (tally->first_count == TALLY_FIRST_ERRORS)
		return;
	struct tally_error *at = &tally->first[tally->first_count++];

	at->row = row;
	memcpy(at->detail, detail, strnlen(detail, sizeof at->detail - 1) + 1);
	at->detail[sizeof at->detail - 1] = '\0';
}

void tally_reject(struct tally *tally, uint64_t row, const struct fault *why)
{
	tally->rejected++;
	tally->reasons[why->error]++;
	remember(tally, row, why->detail);
}

/* What the counts of a run that came to its end say. */
static enum operation_state verdict_of_counts(
	const struct tally *tally, const struct tally_end *end, struct fault *fault)
{
	if (tally->rows == 0) {
		bool named = tally->absent && end->rows.n;

		if (end->empty_ok)
			return OPERATION_COMPLETED;
		fault_set(fault, ERR_WARM_FAILED,
			"the source of job \"%s\" gave no rows%s%.*s%s; if that is right, say "
			"`empty: ok`",
			end->job, named ? ": there is no array at \"" : "",
			named ? (int)end->rows.n : 0, end->rows.p, named ? "\"" : "");
		return OPERATION_FAILED;
	}
	if (tally->stored == 0 && tally->skipped == 0) {
		fault_set(fault, ERR_WARM_FAILED,
			"job \"%s\" read %llu rows and stored none: %llu rejected, %llu "
			"invalidated meanwhile%s%.300s",
			end->job, (unsigned long long)tally->rows,
			(unsigned long long)tally->rejected, (unsigned long long)tally->invalidated,
			tally->first_count ? "; first: " : "",
			tally->first_count ? tally->first[0].detail : "");
		return OPERATION_FAILED;
	}
	return tally->rejected ? OPERATION_PARTIAL : OPERATION_COMPLETED;
}

enum operation_state tally_verdict(
	const struct tally *tally, const struct tally_end *end, struct fault *fault)
{
	if (end->error == ERR_CANCELLED)
		return OPERATION_CANCELLED;
	if (!end->error)
		return verdict_of_counts(tally, end, fault);
	return tally->stored || end->stored_before ? OPERATION_PARTIAL : OPERATION_FAILED;
}

static cJSON *reasons_json(const struct tally *tally)
{
	cJSON *reasons = cJSON_CreateObject();

	for (enum error error = OK; error < ERROR_COUNT; error++)
		if (tally->reasons[error])
			json_add_uint(reasons, error_code(error), tally->reasons[error]);
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

cJSON *tally_json(const struct tally *tally, const struct tally_end *end, const struct fault *fault)
{
	cJSON *result = cJSON_CreateObject(), *errors = cJSON_CreateArray();
	double seconds = (double)end->took_ns / 1e9;

	json_add_slice(result, "job", slice_str(end->job));
	json_add_uint(result, "rows", tally->rows);
	json_add_uint(result, "stored", tally->stored);
	json_add_uint(result, "skipped", tally->skipped);
	json_add_uint(result, "rejected", tally->rejected);
	json_add_uint(result, "invalidated_meanwhile", tally->invalidated);
	json_add_uint(result, "bytes", tally->bytes);
	json_add_uint(result, "attempts", end->attempts);
	cJSON_AddItemToObject(result, "reasons", reasons_json(tally));
	if (end->error && fault)
		add_error(errors, 0, fault->detail);
	for (size_t i = 0; i < tally->first_count; i++)
		add_error(errors, tally->first[i].row, tally->first[i].detail);
	cJSON_AddItemToObject(result, "first_errors", errors);
	json_add_number(result, "duration_ms", seconds * 1e3, 1);
	if (end->took_ns > 0)
		json_add_number(result, "keys_per_second", (double)tally->stored / seconds, 1);
	else
		cJSON_AddNullToObject(result, "keys_per_second");
	return result;
}
