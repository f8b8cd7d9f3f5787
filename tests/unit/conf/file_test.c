/* SPDX-License-Identifier: MIT */
/* Where configuration comes from: files and what they include, the environment, secrets. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../unit.h"
#include "base/mem.h"
#include "conf/file.h"
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

START_TEST(included_files_may_not_set_what_belongs_in_the_main_file)
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
		"conf.d/a.yaml:6: wram is not a known key: did you mean warm?\nconf.d/a.yaml:1: "
		"log.level must be in the main file, not in an included file\nconf.d/a.yaml:2: "
		"include must be in the main file, not in an included file\nconf.d/a.yaml:4: "
		"entities.user is given twice: first at c.yaml:1; rename or remove one\nc.yaml:2: "
		"include names none.yaml, which does not exist\nconf.d/a.yaml:5: cache.namespaces "
		"has prefix a: twice: first at c.yaml:5\n");
	scratch_end(&s);
}
END_TEST

START_TEST(large_special_and_group_writable_files_are_refused)
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
	ck_assert_str_eq(s.faults.p, "c.yaml: is writable by its group or by others (mode 0620): "
				     "run chmod go-w c.yaml\n");
	set_mode(&s, "c.yaml", 0602);
	ck_assert_int_eq(scratch_load(&s), ERR_BAD_CONFIG);
	remove(s.path.p);
	ck_assert_int_eq(scratch_load(&s), ERR_BAD_CONFIG);
	ck_assert_str_eq(s.faults.p, "c.yaml: cannot be read: No such file or directory\n");
	/* Nobody writes into the FIFO: opening it must not wait. */
	ck_assert_int_eq(mkfifo(s.path.p, 0600), 0);
	ck_assert_int_eq(scratch_load(&s), ERR_BAD_CONFIG);
	ck_assert_str_eq(s.faults.p, "c.yaml: is not a regular file\n");
	scratch_end(&s);
}
END_TEST

/* Only root can give a file away; as another user there is nothing to try. */
START_TEST(files_and_folders_of_other_users_are_refused)
{
	struct scratch s;
	char *link;

	scratch_begin(&s);
	scratch_write(&s, "conf.d/a.yaml", "cache: {protected: [\"a:*\"]}\n");
	set_mode(&s, "conf.d", 0777);
	scratch_bad(&s, "name: a\n",
		"c.yaml:1: include names conf.d/a.yaml, which is in conf.d, which is writable by "
		"its group or by others (mode 0777): run chmod go-w conf.d\n");
	set_mode(&s, "conf.d", 01777);
	scratch_good(&s, "name: a\n");
	/* A link is as safe as the folder that it leads to. */
	link = mem_printf("%s/t.yaml", s.folder);
	ck_assert_int_eq(symlink("conf.d/t.yaml", link), 0);
	mem_free(link);
	scratch_write(&s, "conf.d/t.yaml", "[]\n");
	scratch_good(&s, "include: []\nauth: {tokens_file: t.yaml}\n");
	set_mode(&s, "conf.d", 0770);
	scratch_bad(&s, "include: []\nauth: {tokens_file: t.yaml}\n",
		"c.yaml:2: auth.tokens_file names t.yaml, which is in conf.d, which is writable by "
		"its group or by others (mode 0770): run chmod go-w conf.d\n");
	set_mode(&s, "conf.d", 0750);
	scratch_good(&s, "include: []\nauth: {tokens_file: t.yaml}\n");
	if (geteuid() == 0) {
		scratch_write(&s, "c.yaml", "include: []\n");
		ck_assert_int_eq(chown(s.path.p, 65533, 0), 0);
		ck_assert_int_eq(scratch_load(&s), ERR_BAD_CONFIG);
		ck_assert_str_eq(s.faults.p, "c.yaml: is owned by user 65533, not by root or the "
					     "user that runs the program: run chown root c.yaml\n");
		ck_assert_int_eq(chown(s.path.p, 0, 65533), 0);
		ck_assert_int_eq(scratch_load(&s), OK);
		link = mem_printf("%s/conf.d", s.folder);
		ck_assert_int_eq(chown(link, 65533, 0), 0);
		mem_free(link);
		scratch_bad(&s, "name: a\n",
			"c.yaml:1: include names conf.d/a.yaml, which is in conf.d, which is owned "
			"by user 65533, not by root or the user that runs the program: run chown "
			"root conf.d\nc.yaml:1: include names conf.d/t.yaml, which is in conf.d, "
			"which is owned by user 65533, not by root or the user that runs the "
			"program: run chown root conf.d\n");
	}
	scratch_end(&s);
}
END_TEST

START_TEST(secrets_are_read_from_their_own_files)
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
		"c.yaml:1: redis.password_file conflicts with redis.password: remove one of "
		"them\n");
	set_mode(&s, "pw", 0644);
	scratch_bad(&s, "redis: {password_file: pw}\n",
		"c.yaml:1: redis.password_file names pw, which is readable by others (mode 0644): "
		"run chmod o-r pw\n");
	scratch_write(&s, "pw", "\n");
	scratch_bad(&s, "redis: {password_file: pw}\n",
		"c.yaml:1: redis.password_file names pw, which is empty\n");
	scratch_end(&s);
}
END_TEST

#define DIGEST "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a0"

START_TEST(tokens_are_also_read_from_a_tokens_file)
{
	struct scratch s;
	struct file_stamp stamp;
	struct stat st;
	const struct conf *conf;

	scratch_begin(&s);
	scratch_write(&s, "t.yaml",
		"- {name: b, sha256: " DIGEST "2, scopes: [read]}\n"
		"- {name: b, sha256: " DIGEST "3, scopes: [warm]}\n");
	ck_assert_int_eq(stat(s.path.p, &st), 0);
	conf = scratch_good(&s, "auth:\n  tokens_file: t.yaml\n"
				"  tokens: [{name: a, sha256: " DIGEST "1, scopes: [read]}]\n");
	ck_assert_uint_eq(conf->token_count, 3);
	ck_assert_str_eq(conf->tokens[2].name, "b");
	ck_assert_ptr_nonnull(strstr(conf_tokens_file(conf, &stamp), "/t.yaml"));
	ck_assert(stamp.there && stamp.fresh && stamp.size == (uint64_t)st.st_size);
	scratch_write(&s, "t.yaml", "- {name: b, sha256: " DIGEST "2, scopes: [reed]}\n");
	ck_assert_int_eq(scratch_load(&s), ERR_BAD_CONFIG);
	ck_assert_ptr_nonnull(
		strstr(s.faults.p, "t.yaml:1: auth.tokens_file[0].scopes[0] must be one of: "));
	scratch_end(&s);
}
END_TEST

START_TEST(a_tokens_file_with_the_same_bytes_is_the_same)
{
	struct scratch s;
	struct file_stamp stamp;
	const struct conf *conf;

	scratch_begin(&s);
	scratch_write(&s, "t.yaml", "- {name: b, sha256: " DIGEST "2, scopes: [read]}\n");
	conf = scratch_good(&s, "auth: {tokens_file: t.yaml}\n");
	memset(&stamp, 0, sizeof stamp);
	ck_assert(conf_tokens_same(conf, &stamp) && stamp.there);
	scratch_write(&s, "t.yaml", "- {name: b, sha256: " DIGEST "3, scopes: [read]}\n");
	ck_assert(!conf_tokens_same(conf, &stamp));
	scratch_write(&s, "t.yaml", "- {name: b, sha256: " DIGEST "2, scopes: [read]}\n");
	ck_assert(conf_tokens_same(conf, &stamp));
	/* A file that a reload would refuse. */
	ck_assert_int_eq(chmod(s.path.p, 0644), 0);
	ck_assert(!conf_tokens_same(conf, &stamp));
	ck_assert_int_eq(unlink(s.path.p), 0);
	ck_assert(!conf_tokens_same(conf, &stamp));
	ck_assert(!conf_tokens_same(scratch_good(&s, "auth: {}\n"), &stamp));
	scratch_end(&s);
}
END_TEST

/* Each fault of a second file stands at that file's line, or where the file is named. */
START_TEST(faults_of_a_tokens_file_name_file_and_line)
{
	static const char row[] = "- {name: b, sha256: " DIGEST "1, scopes: [read]}\n";
	static const struct {
		const char *text, *faults;
	} rows[] = {
		{"", "t.yaml:1: is empty: write a list without tokens as []\n"},
		{"# none yet\n", "t.yaml:1: is empty: write a list without tokens as []\n"},
		{"a: b\n", "t.yaml:1: auth.tokens_file must be a list of maps\n"},
		{"- {name: b, sha\n", "t.yaml:2: invalid YAML: did not find expected ',' or '}' "
				      "while parsing a flow mapping\n"},
		{row, "t.yaml:1: auth.tokens_file[0].sha256 is also that of the token a\n"},
	};
	struct scratch s;

	scratch_begin(&s);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		scratch_write(&s, "t.yaml", rows[i].text);
		scratch_bad(&s,
			"auth:\n  tokens_file: t.yaml\n"
			"  tokens: [{name: a, sha256: " DIGEST "1, scopes: [read]}]\n",
			rows[i].faults);
	}
	scratch_write(&s, "t.yaml", "[]\n");
	scratch_good(&s, "auth:\n  tokens_file: t.yaml\n");
	remove(s.path.p);
	scratch_bad(&s, "auth:\n  tokens_file: none.yaml\n",
		"c.yaml:2: auth.tokens_file names none.yaml, which cannot be read: No such file or "
		"directory\n");
	scratch_end(&s);
}
END_TEST

START_TEST(included_files_that_cannot_be_read_are_named_where_they_are_included)
{
	struct scratch s;

	scratch_begin(&s);
	scratch_write(&s, "conf.d/a.yml", "cache: {protected: [\"a:*\"]}\n");
	scratch_write(&s, "conf.d/b.yaml",
		"\xef\xbb\xbf"
		"cache: {protected: [\"b:*\"]}\n");
	scratch_good(&s, "cache: {default_protected: false}\n");
	ck_assert_uint_eq(s.conf->protected_count, 2);
	set_mode(&s, "conf.d/a.yml", 0666);
	scratch_bad(&s, "name: a\ninclude:\n  - conf.d/*.yml\n",
		"c.yaml:3: include names conf.d/a.yml, which is writable by its group or by others "
		"(mode 0666): run chmod go-w conf.d/a.yml\n");
	scratch_write(&s, "conf.d/a.yml",
		"warm:\n  jobs:\n    - name: a\n      schedule: {cron: \"61 * * * *\"}\n"
		"      source: {type: file, path: /x}\n      key: \"cw:{id}\"\n");
	scratch_bad(&s, "",
		"conf.d/a.yml:4: warm.jobs[0].schedule.cron \"61 * * * *\" has a minute outside "
		"0-59\n");
	scratch_write(&s, "conf.d/a.yml",
		"warm:\n  jobs:\n    - name: a\n      source: {type: file, path: /x}\n"
		"      key: \"cw:{id}\"\n");
	scratch_bad(&s, "",
		"conf.d/a.yml:5: warm.jobs[0].key begins with cw:, which is reserved for "
		"cachewarden's own keys (redis.own_prefix)\n");
	scratch_end(&s);
}
END_TEST

/* What the warnings of the last load say, the folder's name left out. */
static void warned(struct scratch *s, const char *text, const char *warnings)
{
	struct buf shown = {0};

	buf_str(&shown, "");
	for (const char *rest = conf_warnings(scratch_good(s, text)); *rest;) {
		const char *at = strstr(rest, s->folder);

		buf_append(&shown, rest, at ? (size_t)(at - rest) : strlen(rest));
		rest = at ? at + strlen(s->folder) + 1 : rest + strlen(rest);
	}
	ck_assert_str_eq(shown.p, warnings);
	buf_release(&shown);
}

START_TEST(likely_mistakes_are_warned_about)
{
	struct scratch s;

	scratch_begin(&s);
	scratch_write(&s, "here.csv", "");
	warned(&s, "name: a\n", "");
	warned(&s,
		"warm:\n  jobs:\n"
		"    - {name: a, key: \"a:{id}\", source: {type: file, path: here.csv}}\n"
		"    - {name: b, key: \"b:{id}\", source: {type: command, argv: [sh, -c, x]}}\n"
		"    - {name: c, key: \"c:{id}\", source: {type: command, argv: [/bin/sh]}}\n",
		"");
	warned(&s,
		"auth: {tokens: [{name: a, sha256: " DIGEST "1, scopes: [read],\n"
		"  expires: 2020-01-01}]}\n"
		"sources:\n"
		"  api: {type: http, base_url: \"http://x\", ca: none.pem}\n"
		"  cmd: {type: command, argv: [no-such-program, x]}\n"
		"warm:\n  jobs:\n"
		"    - name: a\n      key: all\n      source:\n        type: file\n"
		"        path: none.csv\n"
		"    - {name: b, key: \"b:{id}\", source: {use: cmd}}\n"
		"    - {name: c, key: \"c:{id}\", source: {type: command, argv: [./none]}}\n",
		"c.yaml:2: auth.tokens[0].expires 2020-01-01 has passed: requests with this token "
		"are refused\nc.yaml:4: sources.api.ca names none.pem, which cannot be read now: "
		"No such file or directory\nc.yaml:5: sources.cmd.argv names the program "
		"no-such-program, which does not exist or cannot be executed\nc.yaml:12: "
		"warm.jobs[0].source.path names none.csv, which cannot be read now: No such file "
		"or directory\nc.yaml:9: warm.jobs[0].key contains no {name}: all rows are stored "
		"under one key, and only the last one remains\nc.yaml:14: warm.jobs[2].source.argv "
		"names the program ./none, which does not exist or cannot be executed\n");
	scratch_end(&s);
}
END_TEST

START_TEST(the_environment_overrides_the_file)
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
		"environment REDIS_CACHE_TTL: must be a whole number of seconds, 1 or "
		"more\nenvironment CACHEWARDEN_LOG_LEVEL: is not valid UTF-8\nenvironment "
		"CACHEWARDEN_LISTEN: listen[0] is not an address such as 127.0.0.1:8480, "
		"[::1]:8480 or 0.0.0.0:8480 (host names are not resolved)\nenvironment REDIS_URL: "
		"redis.url is not a URL such as redis://localhost:6379/0, "
		"rediss://redis.internal:6379/0, "
		"redis+cluster://node1:6379,node2:6379, "
		"redis+sentinel://sentinel1:26379,sentinel2:26379/mymaster/0, "
		"unix:///path?db=0 or managed:\n");
	scratch_end(&s);
}
END_TEST

START_TEST(variables_in_texts_are_replaced)
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
		"c.yaml:1: ${env:CW_NOT} is not set in the environment\nc.yaml:2: ${env:A B} is "
		"not the name of a variable: use letters, digits and _\nc.yaml:2: ${env: has no "
		"closing }\nc.yaml:2: log.level must be one of: debug, info, warning, "
		"error\nc.yaml:2: log.format must be one of: text, json\n");
	scratch_end(&s);
}
END_TEST

START_TEST(twenty_faults_are_shown_and_the_rest_is_counted)
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
	ck_assert_uint_eq(lines, 21);
	ck_assert_ptr_nonnull(strstr(s.faults.p, "c.yaml:20: unknown19"));
	ck_assert_ptr_nonnull(strstr(s.faults.p, "\nand 30 more\n"));
	buf_release(&text);
	scratch_end(&s);
}
END_TEST

TEST_SUITE("conf_files", included_files_add_to_lists,
	included_files_may_not_set_what_belongs_in_the_main_file,
	large_special_and_group_writable_files_are_refused,
	files_and_folders_of_other_users_are_refused, secrets_are_read_from_their_own_files,
	tokens_are_also_read_from_a_tokens_file, a_tokens_file_with_the_same_bytes_is_the_same,
	faults_of_a_tokens_file_name_file_and_line,
	included_files_that_cannot_be_read_are_named_where_they_are_included,
	likely_mistakes_are_warned_about, the_environment_overrides_the_file,
	variables_in_texts_are_replaced, twenty_faults_are_shown_and_the_rest_is_counted)
