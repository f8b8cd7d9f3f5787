/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../unit.h"
#include "base/mem.h"
#include "http_server.h"
#include "live.h"

static char base_url[64];

static struct conf_source http_of(const char *path)
{
	const char *why = NULL;
	struct template *t = template_parse(slice_str(path), &why);

	ck_assert_ptr_nonnull(t);
	return (struct conf_source){.type = SOURCE_HTTP,
		.name = (char *)path,
		.format = FORMAT_JSONL,
		.base_url = base_url,
		.url_path = t,
		.breaker_failures = CONF_BREAKER_FAILURES,
		.breaker_open_ms = CONF_BREAKER_OPEN_MS};
}

static void expect_path(const char *path, const char *rows, enum error error, const char *detail)
{
	struct conf_source conf = http_of(path);

	live_expect(&conf, rows, error, detail);
	template_free(conf.url_path);
}

static void (*tested)(void);

static void with_server(void)
{
	snprintf(base_url, sizeof base_url, "http://127.0.0.1:%u", http_server_start());
	tested();
	http_server_stop();
}

static void run(void (*test)(void))
{
	tested = test;
	live_run(with_server);
}

static void answers(void)
{
	struct conf_source conf = http_of("/items");

	conf.format = FORMAT_JSON;
	conf.rows = SLICE("/items");
	live_expect(&conf, "1;2;", OK, "");
	template_free(conf.url_path);
	expect_path("/items", "{\"items\":[1,2]};", OK, "");
	expect_path("/204", "", OK, "");
	struct conf_source many = http_of("/many");
	struct outcome o = live_read(&many, 20000);
	ck_assert_msg(o.error == OK, "%s", o.fault.detail);
	ck_assert_uint_eq(o.count, 400000);
	outcome_release(&o);
	template_free(many.url_path);
}

TEST_CALL(rows_and_empty_answers_are_read, run(answers))

static void pages(void)
{
	struct conf_source conf = http_of("/pages/{page}?x=1");

	conf.format = FORMAT_JSON;
	conf.rows = SLICE("/items");
	conf.paged = true;
	conf.page_from = 2;
	conf.pages_max = 10;
	live_expect(&conf, "{\"p\":2};{\"q\":2};{\"p\":3};{\"q\":3};", OK, "");
	ck_assert_uint_eq(http_server_accepted(), 1);
	conf.page_from = 9;
	live_expect(&conf, "", OK, "");
	template_free(conf.url_path);
}

TEST_CALL(pages_go_on_until_one_is_empty, run(pages))

static void failures(void)
{
	struct conf_source refused = http_of("/x");

	expect_path("/500", "", ERR_SOURCE_FAILED, "/500 answered 500 with Retry-After: 7");
	expect_path("/302", "", ERR_SOURCE_FAILED,
		"/302 answered 302; redirects are not followed; this one points to "
		"http://127.0.0.1:");
	expect_path("/garbage", "", ERR_SOURCE_FAILED, "source /garbage: GET http://127.0.0.1:");
	expect_path("/reset", "", ERR_SOURCE_FAILED, "Empty reply from server");
	expect_path("/rst", "1;", ERR_SOURCE_FAILED, "/rst: Recv failure: Connection reset");
	expect_path("/short", "1;2;", ERR_SOURCE_FAILED, " with 96 bytes ");
	expect_path("/huge", "", ERR_SOURCE_FAILED, "/huge sends more than 1073741824 bytes");
	refused.base_url = "http://user:secret@127.0.0.1:1/";
	live_expect(&refused, "", ERR_SOURCE_FAILED,
		"source /x: GET http://127.0.0.1:1/x: Failed to connect");
	refused.base_url = "file:///etc";
	live_expect(&refused, "", ERR_SOURCE_FAILED, "Protocol \"file\"");
	template_free(refused.url_path);
}

TEST_CALL(wrong_answers_fail_with_the_reason, run(failures))

static void bounded(const char *path, int64_t timeout_ms, int64_t max_total, enum error error)
{
	struct conf_source conf = http_of(path);
	struct source_call call = {.conf = &conf,
		.deadline = clock_deadline(timeout_ms),
		.max_row_bytes = 1000,
		.max_total_bytes = max_total};
	struct outcome o = live_call(&call);

	ck_assert_msg(o.error == error, "%s: %s", path, o.fault.detail);
	ck_assert_int_le(o.ran_ms, timeout_ms * 5 + 500);
	outcome_release(&o);
	template_free(conf.url_path);
}

static void endings(void)
{
	bounded("/hang", 300, 0, ERR_TIMEOUT);
	bounded("/drip", 400, 0, ERR_TIMEOUT);
	bounded("/endless", 300, 0, ERR_TIMEOUT);
	bounded("/endless", 10000, 100000, ERR_SOURCE_FAILED);
	bounded("/bomb", 10000, 1000000, ERR_SOURCE_FAILED);
	bounded("/bomb", 10000, 10000000, OK);
}

TEST_CALL(endless_answers_are_cut_off, run(endings))

static void slow_reader(void)
{
	struct conf_source conf = http_of("/many");
	struct source_call call = {
		.conf = &conf, .deadline = clock_deadline(20000), .max_row_bytes = 1000};
	struct source *source;
	struct source_row row;
	uint64_t rows = 0;
	bool end = false;

	ck_assert_int_eq(source_open(live.sources, &call, &source, NULL), OK);
	ck_assert_int_eq(source_next(source, &row, &end, NULL), OK);
	fiber_sleep(500);
	/* The rest of what was sent lies in the kernel. */
	ck_assert_uint_le(http_server_sent(), 12000000);
	for (; !end; rows++)
		ck_assert_int_eq(source_next(source, &row, &end, NULL), OK);
	ck_assert_uint_eq(rows, 400000);
	source_close(source);
	template_free(conf.url_path);
}

TEST_CALL(a_slow_reader_slows_the_server, run(slow_reader))

static void requests(void)
{
	struct conf_header headers[] = {
		{.name = "Authorization", .value = "Bearer t0"}, {.name = "X-Empty", .value = ""}};
	struct conf_source conf = http_of("/echo/{id}/../x");
	struct source_param param = {.name = SLICE("id"), .value = SLICE("a b?c %")};
	struct source_call call = {.conf = &conf,
		.params = &param,
		.param_count = 1,
		.deadline = clock_deadline(5000),
		.max_row_bytes = 5000};

	setenv("http_proxy", "http://127.0.0.1:1", 1);
	conf.headers = headers;
	conf.header_count = 2;
	struct outcome o = live_call(&call);
	ck_assert_msg(o.error == OK, "%s", o.fault.detail);
	ck_assert_msg(
		strstr(o.rows.p, "\"GET /echo/a%20b%3Fc%20%25/../x HTTP/1.1 |Host: ") == o.rows.p,
		"%s", o.rows.p);
	ck_assert_ptr_nonnull(strstr(o.rows.p, "|Authorization: Bearer t0 |"));
	ck_assert_ptr_nonnull(strstr(o.rows.p, "|X-Empty: |"));
	ck_assert_ptr_nonnull(strstr(o.rows.p, "|User-Agent: cachewarden/"));
	ck_assert_ptr_nonnull(strstr(o.rows.p, "|Accept-Encoding: gzip, deflate, zstd |"));
	outcome_release(&o);
	param.value = SLICE("..");
	o = live_call(&call);
	ck_assert_int_eq(o.error, ERR_BAD_PARAMETER);
	outcome_release(&o);
	template_free(conf.url_path);
}

TEST_CALL(requests_are_sent_as_configured, run(requests))

static void reads(void *argument)
{
	struct outcome o = live_read(argument, 60000);

	ck_assert_int_eq(o.error, ERR_CANCELLED);
	outcome_release(&o);
}

static void cancels(void)
{
	const char *const paths[] = {"/hang", "/drip", "/endless"};

	for (int i = 0; i < 3; i++) {
		struct conf_source conf = http_of(paths[i]);
		struct fiber_group others;

		fiber_group_init(&others, "test", live.loop);
		fiber_spawn(&others, "reads", reads, &conf);
		fiber_sleep(150);
		fiber_group_cancel(&others);
		ck_assert_int_eq(fiber_group_join(&others, clock_deadline(20000)), OK);
		template_free(conf.url_path);
		http_server_stop();
		snprintf(base_url, sizeof base_url, "http://127.0.0.1:%u", http_server_start());
	}
}

TEST_CALL(a_cancelled_fiber_ends_its_transfer, run(cancels))

static void two_at_once(void *argument)
{
	struct outcome o = live_read(argument, 10000);

	ck_assert_int_eq(o.error, OK);
	ck_assert_str_eq(o.rows.p, "1;2;");
	outcome_release(&o);
}

static void many_transfers(void)
{
	struct conf_source conf = http_of("/items");
	struct fiber_group others;

	conf.format = FORMAT_JSON;
	conf.rows = SLICE("/items");
	fiber_group_init(&others, "test", live.loop);
	for (int i = 0; i < 40; i++) {
		fiber_spawn(&others, "one", two_at_once, &conf);
		if (i % 4 == 3)
			ck_assert_int_eq(fiber_group_join(&others, clock_deadline(20000)), OK);
	}
	template_free(conf.url_path);
}

TEST_CALL(transfers_run_concurrently, run(many_transfers))

TEST_SUITE("source_http", rows_and_empty_answers_are_read, pages_go_on_until_one_is_empty,
	wrong_answers_fail_with_the_reason, endless_answers_are_cut_off,
	a_slow_reader_slows_the_server, requests_are_sent_as_configured,
	a_cancelled_fiber_ends_its_transfer, transfers_run_concurrently)
