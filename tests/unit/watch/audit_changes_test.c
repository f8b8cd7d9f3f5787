/* SPDX-License-Identifier: MIT */
#include "watch/audit_changes.h"

#include <string.h>

#include "../unit.h"
#include "text/json.h"

static struct audit_changes *changes;
static struct buf record;

/* `line` has ' for ". Whether it completes a change, which is in `record`. */
static bool take(const char *line)
{
	struct buf text = {0};

	for (const char *at = line; *at; at++)
		buf_char(&text, *at == '\'' ? '"' : *at);
	ck_assert_int_eq(json_check(buf_slice(&text), &json_row_limits, NULL), OK);
	buf_clear(&record);
	audit_changes_take(changes, buf_slice(&text), &record);
	buf_release(&text);
	if (record.n)
		ck_assert_int_eq(json_check(buf_slice(&record), &json_row_limits, NULL), OK);
	return record.n > 0;
}

static void is(const char *path, const char *text)
{
	struct json_value value;

	ck_assert_msg(json_path(json_root(buf_slice(&record)), slice_str(path), &value), "%s in %s",
		path, record.p);
	ck_assert_msg(
		slice_is(value.text, text), "%s is %.*s", path, (int)value.text.n, value.text.p);
}

static void begin(void)
{
	changes = audit_changes_new();
}

static void end(void)
{
	ck_assert(!audit_changes_rest(changes, &record));
	audit_changes_free(changes);
	buf_release(&record);
}

#define REQUEST(id, state) \
	"{'time':'2026-01-01T00:00:0" #id ".000Z','state':'" state "','by':'x','method':'POST'," \
	"'route':'/api/v1/admin/cache/invalidate','request_id':'r'"
#define OPERATION(id, cause, state, kind) \
	"{'time':'2026-01-01T00:01:00.000Z','state':'" state "','by':'x','operation_id':'" id \
	"','kind':'" kind "','cause':" cause ",'invalidated':7"

START_TEST(what_operations_have_begun_belongs_to_their_request)
{
	begin();
	/* Newest first: the run of a run, the run, the outcome, the purge that began it. */
	ck_assert(!take(OPERATION("o3", "'o2'", "failed", "warm") "}"));
	ck_assert(!take(OPERATION("o2", "'o1'", "completed", "warm") "}"));
	ck_assert(!take(REQUEST(2, "accepted") ",'status':202,'code':null,'duration_ms':1.5}"));
	ck_assert(!take(OPERATION("o1", "'r'", "completed", "invalidate") "}"));
	/* One that ended before the one that has begun it. */
	ck_assert(!take(OPERATION("o4", "'o1'", "partial", "warm") "}"));
	/* Of an operation that matches every key: the request has an intent of its own. */
	ck_assert(!take(OPERATION("o1", "'r'", "intent", "invalidate") "}"));
	ck_assert(take(REQUEST(1, "intent") ",'request':{'keys':['a']}}"));
	is("time", "\"2026-01-01T00:00:01.000Z\"");
	is("ended", "\"2026-01-01T00:01:00.000Z\"");
	is("kind", "\"invalidate\"");
	is("state", "\"failed\"");
	is("status", "202");
	is("duration_ms", "1.5");
	is("request/keys/0", "\"a\"");
	is("operations/0/operation_id", "\"o4\"");
	is("operations/1/operation_id", "\"o1\"");
	is("operations/1/invalidated", "7");
	is("operations/2/operation_id", "\"o2\"");
	is("operations/3/operation_id", "\"o3\"");
	end();
}
END_TEST

START_TEST(what_the_daemon_has_begun_stands_alone)
{
	begin();
	ck_assert(!take(OPERATION("o2", "'o1'", "completed", "warm") "}"));
	ck_assert(!take(OPERATION("o1", "null", "partial", "warm") ",'code':'source_failed'}"));
	ck_assert(take(OPERATION("o1", "null", "intent", "warm") "}"));
	is("kind", "\"warm\"");
	is("state", "\"partial\"");
	is("code", "\"source_failed\"");
	is("route", "null");
	is("operations/1/operation_id", "\"o2\"");
	/* It goes on, or its process was killed. */
	ck_assert(take(OPERATION("o9", "null", "intent", "warm") "}"));
	is("state", "\"intent\"");
	is("ended", "null");
	is("operations/0/operation_id", "\"o9\"");
	end();
}
END_TEST

START_TEST(an_id_that_comes_again_is_another_request)
{
	begin();
	ck_assert(!take(REQUEST(4, "refused") ",'status':400}"));
	ck_assert(take(REQUEST(3, "intent") "}"));
	is("status", "400");
	is("state", "\"refused\"");
	ck_assert(!take(REQUEST(2, "completed") ",'status':200}"));
	ck_assert(take(REQUEST(1, "intent") "}"));
	is("status", "200");
	/* One refused at the door has no intent: it takes that of no other request. */
	ck_assert(take(REQUEST(2, "refused") ",'status':403,'code':'forbidden','intent':false}"));
	is("status", "403");
	ck_assert(take(REQUEST(1, "intent") "}"));
	is("status", "null");
	end();
}
END_TEST

START_TEST(at_the_beginning_of_the_file_the_rest_is_told)
{
	begin();
	ck_assert(!take(REQUEST(2, "completed") ",'status':200}"));
	ck_assert(!take(OPERATION("o1", "'gone'", "completed", "expire") "}"));
	ck_assert(!take(OPERATION("o0", "'r'", "completed", "invalidate") "}"));
	ck_assert_uint_gt(audit_changes_bytes(changes), 0);
	ck_assert(audit_changes_rest(changes, &record));
	is("status", "200");
	is("operations/0/operation_id", "\"o0\"");
	buf_clear(&record);
	ck_assert(audit_changes_rest(changes, &record));
	is("kind", "\"expire\"");
	is("status", "null");
	is("operations/0/operation_id", "\"o1\"");
	end();
}
END_TEST

START_TEST(kinds_are_words_of_routes)
{
	static const char *const cases[][2] = {
		{"{\"route\":\"/api/v1/admin/cache/dependencies/{key}\"}", "dependencies"},
		{"{\"route\":\"/api/v1/cache/keys/{key}/expire\"}", "keys"},
		{"{\"route\":\"/api/v1/session/rotate\"}", "session"},
		{"{\"route\":\"/api/v1/login\"}", "login"},
		{"{\"route\":\"/api/v1/admin/cache/stats\",\"code\":\"unauthorized\"}", "login"},
		{"{\"route\":null,\"code\":\"forbidden\"}", ""},
		{"{\"operation_id\":\"o\",\"kind\":\"warm\"}", "warm"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct buf kind = {0};

		audit_changes_kind(slice_str(cases[i][0]), &kind);
		ck_assert_msg(slice_is(buf_slice(&kind), cases[i][1]), "case %zu", i);
		buf_release(&kind);
	}
}
END_TEST

TEST_SUITE("audit_changes", what_operations_have_begun_belongs_to_their_request,
	what_the_daemon_has_begun_stands_alone, an_id_that_comes_again_is_another_request,
	at_the_beginning_of_the_file_the_rest_is_told, kinds_are_words_of_routes)
