/* SPDX-License-Identifier: MIT */
#include "base/metric.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/histogram.h"

#include "../unit.h"

static struct metrics *m;
static struct buf out;

static const char *rendered(void)
{
	buf_clear(&out);
	metrics_render(m, &out);
	return out.p ? out.p : "";
}

static void begin(void)
{
	m = metrics_new();
}

static void end(void)
{
	metrics_free(m);
	buf_release(&out);
}

START_TEST(series_without_updates_are_absent)
{
	begin();
	ck_assert_str_eq(rendered(), "");
	ck_assert_double_eq(metric_value(m, METRIC_REDIS_UP, "primary", NULL), 0);
	ck_assert_ptr_null(metric_histogram(m, METRIC_LOOP_LAG, NULL));
	metric_drop(m, METRIC_REDIS_UP, "primary", NULL);
	ck_assert_str_eq(rendered(), "");
	end();
	metrics_free(NULL);
}
END_TEST

START_TEST(counters_without_labels_can_be_shown_from_the_start)
{
	begin();
	metrics_begin_counters(m);
	ck_assert_ptr_nonnull(
		strstr(rendered(), "\ncachewarden_redis_connection_failures_total 0\n"));
	ck_assert_ptr_null(strstr(rendered(), "{"));
	ck_assert_ptr_null(strstr(rendered(), "gauge"));
	end();
}
END_TEST

START_TEST(counters_and_gauges_render_with_one_head_a_row)
{
	begin();
	metric_add(m, METRIC_HTTP_REQUESTS, "/livez", "200", 3);
	metric_add(m, METRIC_HTTP_REQUESTS, "/livez", "429", 1);
	metric_add(m, METRIC_HTTP_REQUESTS, "/livez", "200", 4);
	metric_set(m, METRIC_HTTP_CONNECTIONS, NULL, NULL, 7);
	metric_set(m, METRIC_HTTP_CONNECTIONS, NULL, NULL, 6);
	ck_assert_str_eq(rendered(),
		"# HELP cachewarden_http_requests_total Answers, by route and status\n"
		"# TYPE cachewarden_http_requests_total counter\n"
		"cachewarden_http_requests_total{route=\"/livez\",code=\"200\"} 7\n"
		"cachewarden_http_requests_total{route=\"/livez\",code=\"429\"} 1\n"
		"# HELP cachewarden_http_connections Open client connections\n"
		"# TYPE cachewarden_http_connections gauge\n"
		"cachewarden_http_connections 6\n");
	ck_assert_double_eq(metric_value(m, METRIC_HTTP_REQUESTS, "/livez", "200"), 7);
	ck_assert_double_eq(metric_value(m, METRIC_HTTP_CONNECTIONS, NULL, NULL), 6);
	end();
}
END_TEST

START_TEST(a_counter_is_exact_over_64_bits)
{
	begin();
	metric_add(m, METRIC_INVALIDATED_KEYS, NULL, NULL, UINT64_MAX - 1);
	metric_add(m, METRIC_INVALIDATED_KEYS, NULL, NULL, 1);
	ck_assert(strstr(rendered(), "cachewarden_invalidated_keys_total 18446744073709551615\n"));
	end();
}
END_TEST

START_TEST(histograms_render_cumulative_buckets_in_seconds)
{
	begin();
	metric_observe_us(m, METRIC_WARM_DURATION, "a", 50);
	metric_observe_us(m, METRIC_WARM_DURATION, "a", 4000000);
	metric_observe_us(m, METRIC_WARM_DURATION, "a", 7200000000);
	ck_assert_uint_eq(metric_histogram(m, METRIC_WARM_DURATION, "a")->count, 3);
	const char *text = strchr(strchr(rendered(), '\n') + 1, '\n') + 1;
	ck_assert_str_eq(text,
		"cachewarden_warm_run_duration_seconds_bucket{job=\"a\",le=\"0.01\"} 1\n"
		"cachewarden_warm_run_duration_seconds_bucket{job=\"a\",le=\"0.1\"} 1\n"
		"cachewarden_warm_run_duration_seconds_bucket{job=\"a\",le=\"0.5\"} 1\n"
		"cachewarden_warm_run_duration_seconds_bucket{job=\"a\",le=\"1\"} 1\n"
		"cachewarden_warm_run_duration_seconds_bucket{job=\"a\",le=\"5\"} 2\n"
		"cachewarden_warm_run_duration_seconds_bucket{job=\"a\",le=\"10\"} 2\n"
		"cachewarden_warm_run_duration_seconds_bucket{job=\"a\",le=\"30\"} 2\n"
		"cachewarden_warm_run_duration_seconds_bucket{job=\"a\",le=\"60\"} 2\n"
		"cachewarden_warm_run_duration_seconds_bucket{job=\"a\",le=\"120\"} 2\n"
		"cachewarden_warm_run_duration_seconds_bucket{job=\"a\",le=\"300\"} 2\n"
		"cachewarden_warm_run_duration_seconds_bucket{job=\"a\",le=\"600\"} 2\n"
		"cachewarden_warm_run_duration_seconds_bucket{job=\"a\",le=\"1800\"} 2\n"
		"cachewarden_warm_run_duration_seconds_bucket{job=\"a\",le=\"3600\"} 2\n"
		"cachewarden_warm_run_duration_seconds_bucket{job=\"a\",le=\"+Inf\"} 3\n"
		"cachewarden_warm_run_duration_seconds_sum{job=\"a\"} 7204.00005\n"
		"cachewarden_warm_run_duration_seconds_count{job=\"a\"} 3\n");
	metric_observe_us(m, METRIC_LOOP_LAG, NULL, 10);
	ck_assert(strstr(rendered(), "cachewarden_loop_lag_seconds_bucket{le=\"0.0001\"} 1\n"));
	ck_assert(strstr(rendered(), "cachewarden_loop_lag_seconds_sum 1e-05\n"));
	/* The buckets are those of what is measured. */
	metric_observe_us(m, METRIC_HTTP_DURATION, NULL, 90000000);
	ck_assert(strstr(rendered(), "http_request_duration_seconds_bucket{le=\"60\"} 0\n"));
	ck_assert(strstr(rendered(), "http_request_duration_seconds_bucket{le=\"300\"} 1\n"));
	ck_assert(strstr(rendered(), "loop_lag_seconds_bucket{le=\"2\"} 1\n"));
	ck_assert_ptr_null(strstr(rendered(), "loop_lag_seconds_bucket{le=\"60\"}"));
	end();
}
END_TEST

START_TEST(label_values_are_escaped)
{
	begin();
	metric_add(m, METRIC_WARM_STORED, "a\"} 1\nb\\c\xff\xc3\xa9", NULL, 2);
	ck_assert(strstr(rendered(), "total{job=\"a\\\"} 1\\nb\\\\c\xef\xbf\xbd\xc3\xa9\"} 2\n"));
	metric_add(m, METRIC_INVALIDATIONS, "a\",complete=\"b", "c", 1);
	metric_add(m, METRIC_INVALIDATIONS, "a", "b\",complete=\"c", 1);
	ck_assert_double_eq(metric_value(m, METRIC_INVALIDATIONS, "a\",complete=\"b", "c"), 1);
	end();
}
END_TEST

START_TEST(series_end_one_by_one_or_all_at_once)
{
	begin();
	metric_set(m, METRIC_TOKEN_EXPIRY, "one", NULL, 1);
	metric_set(m, METRIC_TOKEN_EXPIRY, "two", NULL, 2);
	metric_set(m, METRIC_TOKEN_EXPIRY, "three", NULL, 3);
	metric_set(m, METRIC_REDIS_HIT_RATIO, NULL, NULL, 0.5);
	metric_drop(m, METRIC_TOKEN_EXPIRY, "two", NULL);
	ck_assert(!strstr(rendered(), "two"));
	ck_assert(strstr(rendered(), "{token=\"three\"} 3\n"));
	metric_drop(m, METRIC_TOKEN_EXPIRY, NULL, NULL);
	ck_assert(!strstr(rendered(), "token"));
	metric_drop(m, METRIC_REDIS_HIT_RATIO, NULL, NULL);
	ck_assert_str_eq(rendered(), "");
	end();
}
END_TEST

START_TEST(past_the_bound_label_values_count_as_other)
{
	char job[16];

	begin();
	for (int i = 0; i < METRIC_MAX_SERIES + 50; i++) {
		snprintf(job, sizeof job, "%d", i);
		metric_add(m, METRIC_WARM_RUNS, job, "done", 1);
	}
	metric_add(m, METRIC_WARM_RUNS, "1999", "done", 1);
	ck_assert_double_eq(metric_value(m, METRIC_WARM_RUNS, "1999", "done"), 2);
	ck_assert_double_eq(metric_value(m, METRIC_WARM_RUNS, "2000", "done"), 0);
	ck_assert_double_eq(metric_value(m, METRIC_WARM_RUNS, "other", "other"), 50);
	end();
}
END_TEST

START_TEST(heads_and_numbers_for_figures_outside_the_table)
{
	static const double exact[] = {0.1, 1.0 / 3, 1e300, 5e-324, -2.5, 1e15, 123456789.125};

	begin();
	metric_render_head(&out, "redis_up", "gauge", "a \\ \"b\"\nc");
	ck_assert_str_eq(out.p, "# HELP redis_up a \\\\ \"b\"\\nc\n# TYPE redis_up gauge\n");
	for (size_t i = 0; i < sizeof exact / sizeof *exact; i++) {
		buf_clear(&out);
		metric_render_number(&out, exact[i]);
		ck_assert(strtod(out.p, NULL) == exact[i]);
	}
	buf_clear(&out);
	metric_render_number(&out, (double)NAN);
	metric_render_number(&out, (double)INFINITY);
	metric_render_number(&out, -(double)INFINITY);
	metric_render_number(&out, 0.1);
	metric_render_number(&out, 1795499118);
	ck_assert_str_eq(out.p, "NaN+Inf-Inf0.11795499118");
	end();
}
END_TEST

TEST_SUITE("metric", series_without_updates_are_absent,
	counters_without_labels_can_be_shown_from_the_start,
	counters_and_gauges_render_with_one_head_a_row, a_counter_is_exact_over_64_bits,
	histograms_render_cumulative_buckets_in_seconds, label_values_are_escaped,
	series_end_one_by_one_or_all_at_once, past_the_bound_label_values_count_as_other,
	heads_and_numbers_for_figures_outside_the_table)
