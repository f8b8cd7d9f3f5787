/* SPDX-License-Identifier: MIT */
#include "warm/row.h"

#include <string.h>

#include "../unit.h"
#include "text/quantity.h"

static struct slice protected[] = {{"lock:*", 6}};
static struct conf_namespace namespaces[] = {{.prefix = {"user:", 5}, .ttl_ms = 60000}};
static char own_prefix[] = "cw:";
static struct conf conf = {
	.protected = protected,
	.protected_count = 1,
	.namespaces = namespaces,
	.namespace_count = 1,
	.default_ttl_ms = 5000,
	.max_value_bytes = 64,
	.redis.own_prefix = own_prefix,
};
static struct conf_job job;
static struct row_maker maker;
static struct fault fault;

static struct template *parse(const char *text)
{
	const char *why = NULL;
	struct template *t = text ? template_parse(slice_str(text), &why) : NULL;

	ck_assert_msg(!why, "%s %s", text, why ? why : "");
	return t;
}

static void begin(const char *key, const char *value, const char *ttl)
{
	job = (struct conf_job){
		.key = parse(key), .value = parse(value), .ttl = parse(ttl), .ttl_ms = -1};
	row_maker_init(&maker, &conf, &job, 42);
}

static void end(void)
{
	row_maker_release(&maker);
	template_free(job.key);
	template_free(job.value);
	template_free(job.ttl);
}

static enum error make(const char *json)
{
	struct source_row row = {.kind = ROW_JSON, .number = 1};

	row.json = json_root(slice_str(json));
	return row_make(&maker, &row, &fault);
}

static void made(const char *json, const char *key, const char *value, int64_t ttl_ms)
{
	ck_assert_msg(make(json) == OK, "%s: %s", json, fault.detail);
	ck_assert_str_eq(maker.key.p, key);
	ck_assert_str_eq(maker.value.p, value);
	ck_assert_int_eq(maker.ttl_ms, ttl_ms);
}

static void refused(const char *json, enum error error, const char *why)
{
	ck_assert_int_eq(make(json), error);
	ck_assert_msg(strstr(fault.detail, why), "%s", fault.detail);
}

START_TEST(the_whole_row_is_the_value)
{
	begin("user:{id}", NULL, NULL);
	made("{\"id\":9007199254740993,\"a\":[]}", "user:9007199254740993",
		"{\"id\":9007199254740993,\"a\":[]}", 60000);
	made("{\"id\":\"x\\u00e9\"}", "user:x\xc3\xa9", "{\"id\":\"x\\u00e9\"}", 60000);
	end();
}
END_TEST

START_TEST(templates_make_key_value_and_ttl)
{
	begin("t:{a/b}", "<{v}>", "{ttl}");
	made("{\"a\":{\"b\":1},\"v\":\"x\",\"ttl\":90}", "t:1", "<x>", 90000);
	made("{\"a\":{\"b\":2},\"v\":{\"o\":1},\"ttl\":\"1h30m\"}", "t:2", "<{\"o\":1}>", 5400000);
	made("{\"a\":{\"b\":2},\"v\":0,\"ttl\":-1}", "t:2", "<0>", -1);
	refused("{\"a\":{\"b\":2},\"v\":0,\"ttl\":0}", ERR_SOURCE_ROW, "TTL \"0\"");
	refused("{\"a\":{\"b\":2},\"v\":0,\"ttl\":-2}", ERR_SOURCE_ROW, "TTL");
	refused("{\"a\":{\"b\":2},\"v\":0,\"ttl\":\"soon\"}", ERR_SOURCE_ROW, "TTL \"soon\"");
	refused("{\"a\":{\"b\":2},\"v\":0,\"ttl\":99999999999}", ERR_SOURCE_ROW, "TTL");
	refused("{\"a\":{\"b\":2},\"v\":0,\"ttl\":9223372036854775807}", ERR_SOURCE_ROW, "TTL");
	end();
}
END_TEST

START_TEST(rows_without_the_fields_are_refused)
{
	begin("user:{id}", NULL, NULL);
	refused("{\"name\":1}", ERR_SOURCE_ROW, "id");
	refused("{\"id\":null}", ERR_SOURCE_ROW, "id");
	refused("{\"id\":\"\"}", ERR_SOURCE_ROW, "id");
	refused("[1]", ERR_SOURCE_ROW, "id");
	end();
}
END_TEST

START_TEST(keys_that_are_not_ours_to_touch_are_refused)
{
	char row[KEY_MAX_BYTES + 100] = "{\"k\":\"";

	begin("{k}", "x", NULL);
	refused("{\"k\":\"cw:op:1\"}", ERR_KEY_RESERVED, "cw:op:1");
	refused("{\"k\":\"session:1\"}", ERR_KEY_RESERVED, "session:1");
	refused("{\"k\":\"lock:a\"}", ERR_KEY_PROTECTED, "lock:a");
	memset(row + strlen(row), 'a', KEY_MAX_BYTES + 1);
	strcat(row, "\"}");
	refused(row, ERR_BAD_KEY, "1025");
	made("{\"k\":\"fine\"}", "fine", "x", 5000);
	end();
}
END_TEST

START_TEST(too_large_a_value_is_refused)
{
	begin("k", "{v}", NULL);
	refused("{\"v\":\"0123456789012345678901234567890123456789012345678901234567890123x\"}",
		ERR_TOO_LARGE, "65");
	made("{\"v\":\"0123456789012345678901234567890123456789012345678901234567890123\"}", "k",
		"0123456789012345678901234567890123456789012345678901234567890123", 5000);
	end();
}
END_TEST

START_TEST(base64_is_decoded)
{
	begin("k", "{v}", NULL);
	job.value_base64 = true;
	ck_assert_int_eq(make("{\"v\":\"AAECAw==\"}"), OK);
	ck_assert_uint_eq(maker.value.n, 4);
	ck_assert_mem_eq(maker.value.p, "\0\1\2\3", 4);
	refused("{\"v\":\"AAEC!w==\"}", ERR_SOURCE_ROW, "base64");
	end();
}
END_TEST

START_TEST(a_ttl_above_ten_years_is_refused)
{
	int64_t ms = 0;

	ck_assert(row_ttl_parse(SLICE("315360000"), &ms));
	ck_assert_int_eq(ms, TTL_MAX_MS);
	ck_assert(row_ttl_parse(SLICE("3650d"), &ms));
	ck_assert(!row_ttl_parse(SLICE("315360001"), &ms));
	ck_assert(!row_ttl_parse(SLICE("3651d"), &ms));
	/* Points in time, in seconds and milliseconds. */
	ck_assert(!row_ttl_parse(SLICE("1764000000"), &ms));
	ck_assert(!row_ttl_parse(SLICE("1764000000000"), &ms));
	begin("k{id}", "x", "{t}");
	refused("{\"id\":1,\"t\":1764000000}", ERR_SOURCE_ROW, "3650 days");
	end();
}
END_TEST

START_TEST(jitter_spreads_the_ttl_evenly)
{
	int64_t least = INT64_MAX, most = 0, sum = 0;

	begin("k{v}", "x", NULL);
	job.ttl_ms = 100000;
	job.ttl_jitter = 0.1;
	for (int i = 0; i < 10000; i++) {
		ck_assert_int_eq(make("{\"v\":1}"), OK);
		least = maker.ttl_ms < least ? maker.ttl_ms : least;
		most = maker.ttl_ms > most ? maker.ttl_ms : most;
		sum += maker.ttl_ms;
	}
	ck_assert(least >= 90000 && least < 90100);
	ck_assert(most <= 110000 && most > 109900);
	ck_assert(sum / 10000 > 99700 && sum / 10000 < 100300);
	row_maker_release(&maker);
	row_maker_init(&maker, &conf, &job, 42);
	make("{\"v\":1}");
	int64_t first = maker.ttl_ms;
	row_maker_release(&maker);
	row_maker_init(&maker, &conf, &job, 42);
	make("{\"v\":1}");
	ck_assert_int_eq(maker.ttl_ms, first);
	end();
}
END_TEST

START_TEST(csv_rows_are_treated_like_json)
{
	static const struct slice names[] = {{"code", 4}, {"rate", 4}};
	static const struct slice cells[] = {{"EUR", 3}, {"1.0", 3}};
	struct source_row row = {
		.kind = ROW_CSV, .names = names, .cells = cells, .count = 2, .number = 1};

	begin("rate:{code}", NULL, NULL);
	ck_assert_int_eq(row_make(&maker, &row, &fault), OK);
	ck_assert_str_eq(maker.key.p, "rate:EUR");
	ck_assert_str_eq(maker.value.p, "{\"code\":\"EUR\",\"rate\":\"1.0\"}");
	end();
}
END_TEST

TEST_SUITE("row", the_whole_row_is_the_value, templates_make_key_value_and_ttl,
	rows_without_the_fields_are_refused, keys_that_are_not_ours_to_touch_are_refused,
	too_large_a_value_is_refused, base64_is_decoded, a_ttl_above_ten_years_is_refused,
	jitter_spreads_the_ttl_evenly, csv_rows_are_treated_like_json)
