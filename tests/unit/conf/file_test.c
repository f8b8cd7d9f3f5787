/* SPDX-License-Identifier: MIT */
/* Where configuration comes from: files and what they include, the environment, secrets. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "../unit.h"
#include "base/mem.h"
#include "scratch.h"

static void set_mode(const struct scratch *s, const char *name, mode_t mode)
{
	char *path = mem_printf("%s/%s", s->folder, name);

	ck_assert_int_eq(chmod(path, mode), 0);
	mem_free(path);
}

START_TEST(included_files_add_to_lists)
{
	struct scratch s;
	const struct conf *conf;

	scratch_begin(&s);
	scratch_write(&s, "conf.d/b.yaml",
		"cache: {protected: [\"b:*\"], namespaces: [{prefix: b, ttl: 2h}]}\n"
		"entities: {b: {keys: [\"b:{id}\"]}}\n"
		"warm: {jobs: [{name: b, key: b, source: {type: file, path: b.csv}}]}\n");
	scratch_write(&s, "conf.d/a.yaml",
		"cache: {protected: [\"a:*\"]}\n"
		"sources: {s: {type: file, path: /s}}\n");
	scratch_write(&s, "conf.d/ignored.txt", "}");
	conf = scratch_good(&s, "cache: {protected: [\"main:*\"], default_protected: false, "
				"namespaces: [{prefix: a, ttl: 1h}]}\n");
	ck_assert_uint_eq(conf->protected_count, 3);
	ck_assert(slice_is(conf->protected[0], "main:*"));
	ck_assert(slice_is(conf->protected[1], "a:*"));
	ck_assert(slice_is(conf->protected[2], "b:*"));
	ck_assert_uint_eq(conf->namespace_count, 2);
	ck_assert_str_eq(conf->entities[0].name, "b");
	/* Paths are seen from the file that names them. */
	ck_assert_ptr_nonnull(strstr(conf->jobs[0].source.path, "/conf.d/b.csv"));
	ck_assert_uint_eq(scratch_good(&s, "include: []\n")->entity_count, 0);
	scratch_end(&s);
}
END_TEST

START_TEST(included_files_keep_to_lists_and_new_names)
{
	struct scratch s;

	scratch_begin(&s);
	scratch_write(&s, "conf.d/a.yaml",
		"log: {level: debug}\n"
		"include: [x.yaml]\n"
		"entities:\n  user: {keys: [\"b:{id}\"]}\n"
		"cache: {namespaces: [{prefix: \"a:\", ttl: 1h}]}\n"
		"wram: 1\n");
	scratch_bad(&s,
		"entities: {user: {keys: [\"a:{id}\"]}}\ninclude: [conf.d/*.yaml, none.yaml]\n"
		"cache:\n  namespaces:\n    - {prefix: \"a:\", ttl: 1h}\n",
		"conf.d/a.yaml:6: wram is not a known key: did you mean warm?\n"
		"conf.d/a.yaml:1: log.level belongs into the main file, not an included one\n"
		"conf.d/a.yaml:2: include belongs into the main file, not an included one\n"
		"conf.d/a.yaml:4: entities.user stands twice: first at c.yaml:1; rename or drop "
		"one\n"
		"c.yaml:2: include names none.yaml, which does not exist\n"
		"conf.d/a.yaml:5: cache.namespaces has prefix a: twice: first at c.yaml:5\n");
	scratch_end(&s);
}
END_TEST

START_TEST(files_are_small_regular_and_ours)
{
	struct scratch s;
	char *big = mem_zalloc(300 * 1024);

	scratch_begin(&s);
	memset(big, '#', 300 * 1024 - 1);
	scratch_bad(&s, big, "c.yaml: is larger than 256 KiB\n");
	mem_free(big);
	scratch_write(&s, "c.yaml", "");
	set_mode(&s, "c.yaml", 0620);
	ck_assert_int_eq(scratch_load(&s), ERR_BAD_CONFIG);
	ck_assert_str_eq(s.faults.p, "c.yaml: is writable by others than its owner (mode 0620): "
				     "run chmod go-w c.yaml\n");
	set_mode(&s, "c.yaml", 0602);
	ck_assert_int_eq(scratch_load(&s), ERR_BAD_CONFIG);
	remove(s.path.p);
	ck_assert_int_eq(scratch_load(&s), ERR_BAD_CONFIG);
	ck_assert_str_eq(s.faults.p, "c.yaml: cannot be read: No such file or directory\n");
	/* Nobody writes into the FIFO: opening it must not wait. */
	ck_assert_int_eq(mkfifo(s.path.p, 0600), 0);
	ck_assert_int_eq(scratch_load(&s), ERR_BAD_CONFIG);
	ck_assert_str_eq(s.faults.p, "c.yaml: is no regular file\n");
	scratch_end(&s);
}
END_TEST

START_TEST(secrets_come_from_files_of_their_own)
{
	struct scratch s;

	scratch_begin(&s);
	scratch_write(&s, "pw", "s3cret \n");
	ck_assert_str_eq(
		scratch_good(&s, "redis: {password_file: pw}\n")->redis.password, "s3cret ");
	ck_assert_str_eq(
		scratch_good(&s, "redis: {password: a, url: \"redis://:b@h\"}\n")->redis.password,
		"b");
	ck_assert_str_eq(
		scratch_good(&s, "warm: {jobs: [{name: a, key: a, source: {type: http, base_url: "
				 "\"http://x\", path: /, headers: {X-Key_file: pw}}}]}\n")
			->jobs[0]
			.source.headers[0]
			.value,
		"s3cret ");
	scratch_bad(&s, "redis: {password_file: pw, password: x}\n",
		"c.yaml:1: redis.password_file stands beside redis.password: keep one of them\n");
	set_mode(&s, "pw", 0644);
	scratch_bad(&s, "redis: {password_file: pw}\n",
		"c.yaml:1: redis.password_file names pw, which is readable by everybody (mode "
		"0644): run chmod o-r pw\n");
	scratch_write(&s, "pw", "\n");
	scratch_bad(&s, "redis: {password_file: pw}\n",
		"c.yaml:1: redis.password_file names pw, which is empty\n");
	scratch_end(&s);
}
END_TEST

#define DIGEST "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a0"

START_TEST(tokens_come_from_a_file_too)
{
	struct scratch s;
	const struct conf *conf;

	scratch_begin(&s);
	scratch_write(&s, "t.yaml",
		"- {name: b, sha256: " DIGEST "2, scopes: [read]}\n"
		"- {name: b, sha256: " DIGEST "3, scopes: [warm]}\n");
	conf = scratch_good(&s, "auth:\n  tokens_file: t.yaml\n"
				"  tokens: [{name: a, sha256: " DIGEST "1, scopes: [read]}]\n");
	ck_assert_uint_eq(conf->token_count, 3);
	ck_assert_str_eq(conf->tokens[2].name, "b");
	ck_assert_ptr_nonnull(strstr(conf_tokens_file(conf), "/t.yaml"));
	scratch_write(&s, "t.yaml", "- {name: b, sha256: " DIGEST "2, scopes: [reed]}\n");
	ck_assert_int_eq(scratch_load(&s), ERR_BAD_CONFIG);
	ck_assert_ptr_nonnull(
		strstr(s.faults.p, "t.yaml:1: auth.tokens_file[0].scopes[0] is not a "));
	scratch_end(&s);
}
END_TEST

START_TEST(the_environment_stands_above_the_file)
{
	struct scratch s;
	const struct conf *conf;

	scratch_begin(&s);
	setenv("REDIS_URL", "redis://h:1/2", 1);
	setenv("REDIS_CACHE_TTL", "90", 1);
	setenv("CACHEWARDEN_LISTEN", "127.0.0.1:0,unix:/tmp/x", 1);
	setenv("CACHEWARDEN_LOG_LEVEL", "debug", 1);
	conf = scratch_good(&s, "redis: {url: \"managed:\"}\nlog: {level: error}\n");
	ck_assert_str_eq(conf->redis.host, "h");
	ck_assert_int_eq(conf->default_ttl_ms, 90000);
	ck_assert_uint_eq(conf->listen_count, 2);
	ck_assert_str_eq(conf->listens[1].path, "/tmp/x");
	ck_assert_int_eq(conf->log.level, LOG_LEVEL_DEBUG);
	setenv("REDIS_URL", "http://h", 1);
	setenv("REDIS_CACHE_TTL", "1h", 1);
	setenv("CACHEWARDEN_LISTEN", "8480", 1);
	setenv("CACHEWARDEN_LOG_LEVEL", "\xff", 1);
	scratch_bad(&s, "",
		"environment REDIS_CACHE_TTL: must be a whole number of seconds, 1 or more\n"
		"environment CACHEWARDEN_LOG_LEVEL: is not valid UTF-8\n"
		"environment CACHEWARDEN_LISTEN: listen[0] is not an address such as "
		"127.0.0.1:8480, [::1]:8480 or 0.0.0.0:8480 (names are not looked up)\n"
		"environment REDIS_URL: redis.url is not a URL such as redis://localhost:6379/0, "
		"unix:///path?db=0 or managed:\n");
	scratch_end(&s);
}
END_TEST

START_TEST(texts_take_variables)
{
	struct scratch s;

	scratch_begin(&s);
	setenv("CW_A", "b", 1);
	setenv("CW_N", "7", 1);
	unsetenv("CW_NOT");
	ck_assert_str_eq(scratch_good(&s, "name: a${env:CW_A}c${env:CW_A}\n"
					  "invalidate: {concurrency: \"${env:CW_N}\"}\n")
				 ->name,
		"abcb");
	ck_assert_int_eq(s.conf->invalidate.concurrency, 7);
	scratch_bad(&s, "name: a${env:CW_NOT}\nlog: {level: \"${env:A B}\", format: \"${env:X\"}\n",
		"c.yaml:1: ${env:CW_NOT} is not set in the environment\n"
		"c.yaml:2: ${env:A B} does not name a variable: letters, digits and _\n"
		"c.yaml:2: ${env: has no closing }\n"
		"c.yaml:2: log.level must be one of: debug, info, warning, error\n"
		"c.yaml:2: log.format must be one of: text, json\n");
	scratch_end(&s);
}
END_TEST

START_TEST(twenty_faults_are_shown)
{
	struct scratch s;
	struct buf text = {0};
	size_t lines = 0;

	scratch_begin(&s);
	for (int i = 0; i < 50; i++)
		buf_printf(&text, "unknown%d: x\n", i);
	scratch_write(&s, "c.yaml", text.p);
	ck_assert_int_eq(scratch_load(&s), ERR_BAD_CONFIG);
	for (const char *p = s.faults.p; (p = strchr(p, '\n')); p++)
		lines++;
	ck_assert_uint_eq(lines, 20);
	buf_release(&text);
	scratch_end(&s);
}
END_TEST

TEST_SUITE("conf_files", included_files_add_to_lists, included_files_keep_to_lists_and_new_names,
	files_are_small_regular_and_ours, secrets_come_from_files_of_their_own,
	tokens_come_from_a_file_too, the_environment_stands_above_the_file, texts_take_variables,
	twenty_faults_are_shown)
