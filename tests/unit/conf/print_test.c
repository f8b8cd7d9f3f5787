/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "../unit.h"
#include "conf/table.h"
#include "scratch.h"

static const char everything[] =
	"name: a\n"
	"listen: [127.0.0.1:0, {unix: /tmp/a, mode: \"0600\"}]\n"
	"allowed_hosts: [a.example, \"null\"]\n"
	"auth:\n"
	"  anonymous: [metrics]\n"
	"  tokens: [{name: t, sha256: "
	"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08, scopes: [admin], "
	"expires: 2027-01-01, key_prefixes: [\"a b\\n\\u0085\\ufeff\\U0001F600\\x7f\\\"\\\\\"]}]\n"
	"redis: {url: \"redis://u:topsecret1@h/1\", memory_limit: 1GiB}\n"
	"cache: {protected: [\"x*\", \"[a-b]#: y\"], namespaces: [{prefix: \"p: \", ttl: 1h30m}]}\n"
	"entities: {e: {field: e_id, keys: {a: \"e:{id}\"}, patterns: [\"*{id}\"]}}\n"
	"dependencies: [{when: \"a:{b}\", invalidate: [\"{b}\"]}]\n"
	"sources: {s: {type: http, base_url: \"http://h\", headers: {X-Key: topsecret2, "
	"A: \"Bearer ${env:CW_SECRET}\"}}}\n"
	"warm:\n"
	"  jobs:\n"
	"    - {name: j, source: {use: s, path: \"/{page}\", pages: {from: 2}}, key: \"{a}\", "
	"schedule: {every: 1h}, ttl: \"{t}\"}\n"
	"    - {name: k, source: {type: command, argv: [a, \"\", \"-x $y\", "
	"\"${env:CW_SECRET}\"]}, "
	"key: \"{a}\", on: [startup], ttl: 1h}\n";

START_TEST(what_is_printed_loads_and_prints_the_same)
{
	struct scratch s;
	struct buf first = {0}, second = {0};
	struct node *a, *b;
	struct faults none = {.out = &second};
	struct arena arena = {0};

	scratch_begin(&s);
	setenv("CW_SECRET", "topsecret3", 1);
	conf_print(scratch_good(&s, everything), &first);
	ck_assert_ptr_null(strstr(first.p, "topsecret"));
	ck_assert_ptr_nonnull(strstr(first.p, "redis://u:<redacted>@h/1"));
	ck_assert_ptr_nonnull(strstr(first.p, "X-Key\": \"<redacted>\""));
	ck_assert_ptr_nonnull(strstr(first.p, "\"${env:CW_SECRET}\""));
	conf_print(scratch_good(&s, first.p), &second);
	ck_assert_str_eq(first.p, second.p);
	ck_assert(slice_is(s.conf->tokens[0].identity.key_prefixes[0],
		"a b\n\xc2\x85\xef\xbb\xbf\xf0\x9f\x98\x80\x7f\"\\"));
	ck_assert_int_eq(s.conf->jobs[0].source.page_from, 2);
	ck_assert_int_eq(s.conf->jobs[0].schedule.kind, SCHEDULE_EVERY);
	ck_assert_int_eq(s.conf->jobs[1].schedule.kind, SCHEDULE_NONE);

	a = document_parse(&arena, buf_slice(&first), "a", &none);
	b = document_parse(&arena, buf_slice(&second), "b", &none);
	ck_assert(a && node_equal(a, b));
	arena_release(&arena);
	buf_release(&first);
	buf_release(&second);
	scratch_end(&s);
}
END_TEST

START_TEST(json_has_types_and_no_secrets)
{
	struct scratch s;
	cJSON *json, *limits;
	char *text;

	scratch_begin(&s);
	setenv("CW_SECRET", "topsecret3", 1);
	json = conf_json(scratch_good(&s, everything));
	text = cJSON_PrintUnformatted(json);
	ck_assert_ptr_null(strstr(text, "topsecret"));
	ck_assert_ptr_nonnull(strstr(text, "\"max_keys\":1000000"));
	ck_assert_ptr_nonnull(strstr(text, "\"insecure_http\":false"));
	ck_assert_ptr_nonnull(strstr(text, "\"breaker\":{\"failures\":5,\"probe_every\":\"1s\"}"));
	limits = cJSON_GetObjectItemCaseSensitive(json, "limits");
	ck_assert_str_eq(
		cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(limits, "header_deadline")),
		"5s");
	free(text);
	cJSON_Delete(json);
	scratch_end(&s);
}
END_TEST

/* A small generator, so that each run sees the same files. */
static unsigned draw(unsigned *state, unsigned below)
{
	*state = *state * 1664525 + 1013904223;
	return (*state >> 8) % below;
}

static void mutate(struct buf *text, unsigned *state)
{
	static const char alphabet[] = "{}[]:,-\"'#&*!<>|% \n\t\\$0a1s~\xc3\xff";
	unsigned changes = 1 + draw(state, 3);

	for (unsigned i = 0; i < changes; i++) {
		unsigned at = draw(state, (unsigned)text->n);

		if (draw(state, 3) == 0)
			memmove(text->p + at, text->p + at + 1, --text->n - at);
		else
			text->p[at] = alphabet[draw(state, sizeof alphabet - 1)];
	}
}

START_TEST(broken_files_give_faults_or_a_snapshot_that_can_be_printed)
{
	struct scratch s;
	struct buf text = {0}, first = {0}, second = {0};
	unsigned state = 1, good = 0;

	scratch_begin(&s);
	setenv("CW_SECRET", "x", 1);
	for (int i = 0; i < 1500; i++) {
		buf_clear(&text);
		buf_str(&text, everything);
		mutate(&text, &state);
		scratch_write_bytes(&s, "c.yaml", buf_slice(&text));
		if (scratch_load(&s) != OK) {
			ck_assert_uint_gt(s.faults.n, 0);
			continue;
		}
		good++;
		buf_clear(&first);
		buf_clear(&second);
		conf_print(s.conf, &first);
		conf_print(scratch_good(&s, first.p), &second);
		ck_assert_str_eq(first.p, second.p);
	}
	ck_assert_uint_gt(good, 50);
	buf_release(&text);
	buf_release(&first);
	buf_release(&second);
	scratch_end(&s);
}
END_TEST

TEST_SUITE("conf_print", what_is_printed_loads_and_prints_the_same, json_has_types_and_no_secrets,
	broken_files_give_faults_or_a_snapshot_that_can_be_printed)
