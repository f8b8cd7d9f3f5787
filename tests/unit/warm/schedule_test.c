/* SPDX-License-Identifier: MIT */
#include "warm/schedule.h"

#include <string.h>

#include "../unit.h"
#include "base/timestamp.h"
#include "text/quantity.h"

enum { second = 1000, minute = 60 * second, hour = 60 * minute };

static struct schedule *schedule;
static int64_t next_wall_ms;

static int64_t at(const char *text)
{
	int64_t wall_ms;

	ck_assert_msg(timestamp_parse(slice_str(text), &wall_ms) == NULL, "%s", text);
	return wall_ms;
}

static struct conf_job job_of(const char *cron, int64_t every_ms)
{
	union {
		const char *text;
		char *p;
	} as = {.text = cron}, name = {.text = "j"}, zone = {.text = "UTC"};

	return (struct conf_job){
		.name = name.p,
		.schedule = {.kind = cron ? SCHEDULE_CRON : SCHEDULE_EVERY,
			.cron = as.p,
			.time_zone = zone.p,
			.every_ms = every_ms,
			.starting_deadline_ms = -1},
	};
}

static void begin(const struct conf_job *job, const char *now)
{
	ck_assert_int_eq(schedule_new(job, &schedule, NULL), OK);
	next_wall_ms = schedule_next(schedule, at(now));
}

static void end(void)
{
	schedule_free(schedule);
}

static void look(const char *now, int64_t jump_ms, enum schedule_verdict due, const char *nominal)
{
	int64_t got = -1;
	enum schedule_verdict verdict =
		schedule_look(schedule, &next_wall_ms, at(now), jump_ms, &got);

	ck_assert_msg(verdict == due, "at %s it is %d", now, verdict);
	if (due != SCHEDULE_LATER)
		ck_assert_int_eq(got, at(nominal));
}

START_TEST(a_run_is_due_once_at_its_time)
{
	struct conf_job job = job_of("30 2 * * *", 0);

	begin(&job, "2026-03-01T02:00:00Z");
	look("2026-03-01T02:29:59.999Z", 0, SCHEDULE_LATER, NULL);
	look("2026-03-01T02:30:00Z", 0, SCHEDULE_DUE, "2026-03-01T02:30:00Z");
	look("2026-03-01T02:30:00Z", 0, SCHEDULE_LATER, NULL);
	look("2026-03-01T02:31:00Z", 0, SCHEDULE_LATER, NULL);
	ck_assert_int_eq(next_wall_ms, at("2026-03-02T02:30:00Z"));
	end();
}
END_TEST

START_TEST(periods_count_from_the_epoch)
{
	struct conf_job job = job_of(NULL, 25 * minute);

	begin(&job, "1970-01-01T00:26:00Z");
	look("1970-01-01T00:49:59Z", 0, SCHEDULE_LATER, NULL);
	look("1970-01-01T00:50:01Z", 0, SCHEDULE_DUE, "1970-01-01T00:50:00Z");
	end();
}
END_TEST

START_TEST(of_overdue_runs_only_the_newest_is_due)
{
	struct conf_job job = job_of("*/10 * * * *", 0);

	begin(&job, "2026-03-01T02:00:00Z");
	look("2026-03-01T02:44:00Z", 0, SCHEDULE_DUE, "2026-03-01T02:40:00Z");
	look("2026-03-01T02:44:00Z", 0, SCHEDULE_LATER, NULL);
	end();
	job = job_of(NULL, second);
	begin(&job, "2026-03-01T02:00:00Z");
	look("2026-03-01T02:01:00.500Z", 0, SCHEDULE_DUE, "2026-03-01T02:01:00Z");
	look("2026-03-01T02:01:00.900Z", 0, SCHEDULE_LATER, NULL);
	end();
}
END_TEST

START_TEST(a_forward_jump_of_three_hours_runs_what_was_missed_once)
{
	struct conf_job job = job_of("30 2 * * *", 0);

	begin(&job, "2026-03-01T02:00:00Z");
	look("2026-03-01T04:59:00Z", 179 * minute, SCHEDULE_DUE, "2026-03-01T02:30:00Z");
	look("2026-03-01T04:59:01Z", 0, SCHEDULE_LATER, NULL);
	end();
}
END_TEST

START_TEST(a_longer_jump_starts_over)
{
	struct conf_job job = job_of("30 2 * * *", 0);

	begin(&job, "2026-03-01T02:00:00Z");
	look("2026-03-01T05:01:00Z", 181 * minute, SCHEDULE_LATER, NULL);
	ck_assert_int_eq(next_wall_ms, at("2026-03-02T02:30:00Z"));
	look("2026-02-27T05:00:00Z", -48 * (int64_t)hour, SCHEDULE_LATER, NULL);
	ck_assert_int_eq(next_wall_ms, at("2026-02-28T02:30:00Z"));
	end();
}
END_TEST

START_TEST(after_a_jump_back_a_fixed_time_is_not_repeated)
{
	struct conf_job job = job_of("30 2 * * *", 0);

	begin(&job, "2026-03-01T02:00:00Z");
	look("2026-03-01T02:30:00Z", 0, SCHEDULE_DUE, "2026-03-01T02:30:00Z");
	look("2026-03-01T01:45:00Z", -45 * minute, SCHEDULE_LATER, NULL);
	look("2026-03-01T02:30:00Z", 0, SCHEDULE_LATER, NULL);
	look("2026-03-02T02:30:00Z", 0, SCHEDULE_DUE, "2026-03-02T02:30:00Z");
	end();
}
END_TEST

START_TEST(after_a_jump_back_a_period_follows_the_new_time)
{
	struct conf_job job = job_of(NULL, minute);

	begin(&job, "2026-03-01T02:00:00Z");
	look("2026-03-01T02:01:00Z", 0, SCHEDULE_DUE, "2026-03-01T02:01:00Z");
	look("2026-03-01T01:01:30Z", -hour, SCHEDULE_LATER, NULL);
	look("2026-03-01T01:02:00Z", 0, SCHEDULE_DUE, "2026-03-01T01:02:00Z");
	end();
}
END_TEST

START_TEST(a_run_three_hours_late_is_missed)
{
	struct conf_job job = job_of("30 2 * * *", 0);

	begin(&job, "2026-03-01T02:00:00Z");
	look("2026-03-01T05:30:01Z", 0, SCHEDULE_MISSED, "2026-03-01T02:30:00Z");
	look("2026-03-01T05:30:02Z", 0, SCHEDULE_LATER, NULL);
	end();
}
END_TEST

START_TEST(a_run_after_its_starting_deadline_is_missed)
{
	struct conf_job job = job_of("30 2 * * *", 0);

	job.schedule.starting_deadline_ms = 5 * minute;
	begin(&job, "2026-03-01T02:00:00Z");
	look("2026-03-01T02:35:00Z", 0, SCHEDULE_DUE, "2026-03-01T02:30:00Z");
	look("2026-03-02T02:35:01Z", 0, SCHEDULE_MISSED, "2026-03-02T02:30:00Z");
	ck_assert_int_eq(schedule_patience_ms(schedule, at("2026-03-01T02:30:00Z")), 5 * minute);
	end();
	job = job_of(NULL, 20 * second);
	begin(&job, "2026-03-01T02:00:00Z");
	ck_assert_int_eq(schedule_patience_ms(schedule, at("2026-03-01T02:00:20Z")), 20 * second);
	end();
	job = job_of("@daily", 0);
	begin(&job, "2026-03-01T02:00:00Z");
	ck_assert_int_eq(schedule_patience_ms(schedule, at("2026-03-02T00:00:00Z")), minute);
	end();
}
END_TEST

START_TEST(jitter_is_the_same_everywhere_and_within_bounds)
{
	struct conf_job job = job_of(NULL, minute);
	struct schedule *other;
	int64_t least = INT64_MAX, most = -1;

	job.schedule.jitter_ms = 20 * second;
	begin(&job, "2026-03-01T02:00:00Z");
	ck_assert_int_eq(schedule_new(&job, &other, NULL), OK);
	for (int i = 0; i < 1000; i++) {
		int64_t nominal = schedule_next(schedule, at("2026-03-01T02:00:00Z") + i * minute);
		int64_t offset = schedule_start_time(schedule, nominal) - nominal;

		ck_assert_int_eq(schedule_start_time(other, nominal) - nominal, offset);
		least = offset < least ? offset : least;
		most = offset > most ? offset : most;
	}
	ck_assert(least >= 0 && least < second);
	ck_assert(most <= 20 * second && most > 19 * second);
	schedule_free(other);
	end();
}
END_TEST

START_TEST(a_run_waits_for_its_jitter)
{
	struct conf_job job = job_of(NULL, minute);
	int64_t nominal, got, when;

	job.schedule.jitter_ms = 20 * second;
	begin(&job, "2026-03-01T02:00:00Z");
	nominal = next_wall_ms;
	when = schedule_start_time(schedule, nominal);
	ck_assert_int_gt(when, nominal);
	ck_assert_int_eq(schedule_look(schedule, &next_wall_ms, when - 1, 0, &got), SCHEDULE_LATER);
	ck_assert_int_eq(schedule_look(schedule, &next_wall_ms, when, 0, &got), SCHEDULE_DUE);
	ck_assert_int_eq(got, nominal);
	end();
}
END_TEST

START_TEST(receipts_outlive_what_could_repeat_them)
{
	struct conf_job job = job_of(NULL, second);

	begin(&job, "2026-03-01T02:00:00Z");
	ck_assert_int_eq(schedule_receipt_ms(schedule, next_wall_ms), 2 * minute);
	end();
	job = job_of("@daily", 0);
	job.schedule.starting_deadline_ms = 6 * hour;
	begin(&job, "2026-03-01T02:00:00Z");
	ck_assert_int_ge(schedule_receipt_ms(schedule, next_wall_ms), 6 * hour);
	end();
}
END_TEST

START_TEST(faults_name_job_and_key)
{
	struct conf_job job = job_of("61 * * * *", 0);
	struct fault fault;

	ck_assert_int_eq(schedule_new(&job, &schedule, &fault), ERR_BAD_CONFIG);
	ck_assert_ptr_nonnull(strstr(fault.detail, "\"j\": schedule.cron \"61 * * * *\""));
	job = job_of("* * * * *", 0);
	job.schedule.time_zone = job.name;
	ck_assert_int_eq(schedule_new(&job, &schedule, &fault), ERR_BAD_CONFIG);
	ck_assert_ptr_nonnull(strstr(fault.detail, "schedule.time_zone \"j\""));
	job = (struct conf_job){.name = job.name};
	ck_assert_int_eq(schedule_new(&job, &schedule, &fault), OK);
	ck_assert_ptr_null(schedule);
}
END_TEST

START_TEST(schedules_are_printed_and_compared)
{
	struct conf_job cron = job_of("0 3 * * *", 0), every = job_of(NULL, 25 * minute);
	struct schedule *a, *b;
	struct buf text = {0};

	schedule_text(&cron.schedule, &text);
	buf_str(&text, "; ");
	cron.schedule.time_zone = strcpy((char[16]){0}, "Europe/Paris");
	schedule_text(&cron.schedule, &text);
	buf_str(&text, "; ");
	schedule_text(&every.schedule, &text);
	ck_assert_str_eq(text.p, "0 3 * * *; 0 3 * * * Europe/Paris; every 25m");
	buf_release(&text);
	schedule_new(&cron, &a, NULL);
	schedule_new(&every, &b, NULL);
	ck_assert(schedule_equal(a, a) && schedule_equal(b, b) && schedule_equal(NULL, NULL));
	ck_assert(!schedule_equal(a, b) && !schedule_equal(a, NULL));
	schedule_free(a);
	schedule_free(b);
}
END_TEST

START_TEST(the_first_start_from_a_time_on_may_have_an_earlier_nominal_time)
{
	struct conf_job job = job_of(NULL, 10 * minute);

	begin(&job, "2026-03-02T00:00:00.000Z");
	ck_assert_int_eq(schedule_start_from(schedule, at("2026-03-02T01:00:00.000Z")),
		at("2026-03-02T01:00:00.000Z"));
	ck_assert_int_eq(schedule_start_from(schedule, at("2026-03-02T01:00:00.001Z")),
		at("2026-03-02T01:10:00.000Z"));
	end();
	job.schedule.jitter_ms = 9 * minute;
	begin(&job, "2026-03-02T00:00:00.000Z");
	for (int64_t from = at("2026-03-02T01:00:00.000Z"); from < at("2026-03-02T02:00:00.000Z");
		from += minute) {
		int64_t least = INT64_MAX;

		for (int64_t nominal = from - 20 * minute; nominal < from + 30 * minute;
			nominal = schedule_next(schedule, nominal)) {
			int64_t start = schedule_start_time(schedule, nominal);

			if (nominal % (10 * minute) == 0 && start >= from && start < least)
				least = start;
		}
		ck_assert_int_eq(schedule_start_from(schedule, from), least);
	}
	end();
}
END_TEST

TEST_SUITE("schedule", a_run_is_due_once_at_its_time, periods_count_from_the_epoch,
	of_overdue_runs_only_the_newest_is_due,
	a_forward_jump_of_three_hours_runs_what_was_missed_once, a_longer_jump_starts_over,
	after_a_jump_back_a_fixed_time_is_not_repeated,
	after_a_jump_back_a_period_follows_the_new_time, a_run_three_hours_late_is_missed,
	a_run_after_its_starting_deadline_is_missed,
	jitter_is_the_same_everywhere_and_within_bounds, a_run_waits_for_its_jitter,
	receipts_outlive_what_could_repeat_them, faults_name_job_and_key,
	schedules_are_printed_and_compared,
	the_first_start_from_a_time_on_may_have_an_earlier_nominal_time)
