/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../unit.h"
#include "base/mem.h"
#include "live.h"

static struct conf_source file_of(enum conf_format format, char *path)
{
	return (struct conf_source){.type = SOURCE_FILE,
		.name = "f",
		.format = format,
		.path = path,
		.breaker_failures = CONF_BREAKER_FAILURES,
		.breaker_open_ms = CONF_BREAKER_OPEN_MS};
}

static void formats(void)
{
	char *jsonl = live_file("a.jsonl", SLICE("{\"a\":1}\nno\n{\"a\":2}"));
	char *csv = live_file("a.csv", SLICE("a,b\n1,\"2\n3\"\n"));
	char *json = live_file("a.json", SLICE("{\"x\":[1,[2]]}"));
	char *empty = live_file("empty", SLICE(""));
	struct conf_source conf = file_of(FORMAT_JSONL, jsonl);

	live_expect(&conf, "{\"a\":1};!{\"a\":2};", OK, "source f: row 2 is not JSON: ");
	conf = file_of(FORMAT_CSV, csv);
	live_expect(&conf, "{\"a\":\"1\",\"b\":\"2\\n3\"};", OK, "");
	conf = file_of(FORMAT_JSON, json);
	conf.rows = SLICE("/x");
	live_expect(&conf, "1;[2];", OK, "");
	conf = file_of(FORMAT_JSONL, empty);
	live_expect(&conf, "", OK, "");
	conf = file_of(FORMAT_JSON, empty);
	live_expect(&conf, "", OK, "");
	free(jsonl), free(csv), free(json), free(empty);
}

TEST_CALL(files_of_each_format_are_read, live_run(formats))

static void not_there(void)
{
	char *fifo = mem_printf("%s/fifo", live.folder);
	struct conf_source conf = file_of(FORMAT_JSONL, "/nowhere/rows.jsonl");

	live_expect(&conf, "", ERR_SOURCE_FAILED,
		"source f: cannot open /nowhere/rows.jsonl: no such file or directory");
	conf.path = live.folder;
	conf.name = "folder";
	live_expect(&conf, "", ERR_SOURCE_FAILED, "it is not a regular file");
	ck_assert_int_eq(mkfifo(fifo, 0600), 0);
	conf.path = fifo;
	live_expect(&conf, "", ERR_SOURCE_FAILED, "it is not a regular file");
	free(fifo);
}

TEST_CALL(what_is_not_a_regular_file_is_refused, live_run(not_there))

static void many(void)
{
	struct buf text = {0};

	for (int i = 0; i < 200000; i++)
		buf_printf(&text, "{\"id\":%d,\"name\":\"%0*d\"}\n", i, i % 100, i);
	char *path = live_file("many.jsonl", buf_slice(&text));
	struct conf_source conf = file_of(FORMAT_JSONL, path);
	struct outcome o = live_read(&conf, 20000);

	ck_assert_int_eq(o.error, OK);
	ck_assert_uint_eq(o.count, 200000);
	ck_assert_uint_eq(o.bad, 0);
	outcome_release(&o);
	buf_release(&text);
	free(path);
}

TEST_CALL(rows_across_many_chunks, live_run(many))

/* kB, from /proc/self/status. */
static long memory_peak(void)
{
	FILE *file = fopen("/proc/self/status", "r");
	char line[256];
	long kb = 0;

	while (kb == 0 && fgets(line, sizeof line, file))
		sscanf(line, "VmHWM: %ld", &kb);
	fclose(file);
	return kb;
}

/* 200 MB of NUL between two texts. */
static void huge(enum conf_format format, const char *before, const char *after, const char *rows)
{
	char *path = live_file("huge", slice_str(before));
	struct conf_source conf = file_of(format, path);

	ck_assert_int_eq(truncate(path, 200000000), 0);
	FILE *file = fopen(path, "a");
	fputs(after, file);
	fclose(file);
	long peak = memory_peak();
	live_expect(&conf, rows, OK, "row 2 has more than 65536 bytes");
	ck_assert_int_le(memory_peak() - peak, 2048);
	free(path);
}

static void huge_rows(void)
{
	/* What is allocated once for all. */
	char *path = live_file("small", SLICE("1\n"));
	struct conf_source conf = file_of(FORMAT_JSONL, path);

	live_expect(&conf, "1;", OK, "");
	huge(FORMAT_JSONL, "1\n", "\n3\n", "1;!3;");
	huge(FORMAT_JSON, "[1,", ",3]", "1;!3;");
	huge(FORMAT_CSV, "a\n1\n", "\n3\n", "{\"a\":\"1\"};!{\"a\":\"3\"};");
	huge(FORMAT_CSV, "a\n1\n\"", "\"\n3\n", "{\"a\":\"1\"};!{\"a\":\"3\"};");
	free(path);
}

TEST_CALL(a_row_of_200_mb_is_refused_in_bounded_memory, live_run(huge_rows))

static void close_early(void)
{
	struct buf text = {0};

	for (int i = 0; i < 100000; i++)
		buf_str(&text, "{\"a\":1}\n");
	char *path = live_file("a.jsonl", buf_slice(&text));
	struct conf_source conf = file_of(FORMAT_JSONL, path);
	struct source_call call = {
		.conf = &conf, .deadline = clock_deadline(10000), .max_row_bytes = 100};
	struct source *source;
	struct source_row row;
	bool end;

	/* A read ahead is under way each time. */
	for (int i = 0; i < 20; i++) {
		ck_assert_int_eq(source_open(live.sources, &call, &source, NULL), OK);
		if (i % 2)
			ck_assert_int_eq(source_next(source, &row, &end, NULL), OK);
		source_close(source);
	}
	call.deadline = clock_mono_ms() - 1;
	ck_assert_int_eq(source_open(live.sources, &call, &source, NULL), ERR_TIMEOUT);
	buf_release(&text);
	free(path);
}

TEST_CALL(closing_leaves_requests_behind_safely, live_run(close_early))

/* The breaker's own rules: base/breaker_test.c. Here: what counts as what. */
static void open_breaker(void)
{
	struct conf_source bad = file_of(FORMAT_JSONL, "/nowhere");
	char *path = live_file("there.jsonl", SLICE("1\n")), *broken, name[32];
	struct conf_source good = file_of(FORMAT_JSONL, path), odd, other;

	/* One key may fail as often as it likes. */
	for (int i = 0; i < 8; i++)
		live_expect(&bad, "", ERR_SOURCE_FAILED, "source f: cannot open");
	broken = live_file("broken.json", SLICE("["));
	odd = file_of(FORMAT_JSON, broken);
	for (int i = 0; i < 4; i++) {
		snprintf(name, sizeof name, "/nowhere/%d", i);
		other = file_of(FORMAT_JSONL, name);
		live_expect(&odd, "", ERR_SOURCE_FAILED, "ends too early");
		ck_assert_int_eq(sources_breaker(live.sources, &good).state, BREAKER_CLOSED);
		live_expect(&other, "", ERR_SOURCE_FAILED, "cannot open");
	}
	live_expect(&good, "", ERR_SOURCE_FAILED, "source f: failed for 5 different keys");
	live_expect(&good, "", ERR_SOURCE_FAILED, "last failure: cannot open /nowhere/3");
	ck_assert_int_eq(sources_breaker(live.sources, &good).state, BREAKER_OPEN);
	/* It is the name that counts. */
	other.name = "g";
	other.path = path;
	live_expect(&other, "1;", OK, "");
	free(path);
	free(broken);
}

TEST_CALL(five_failures_open_the_breaker, live_run(open_breaker))

TEST_SUITE("source_file", files_of_each_format_are_read, what_is_not_a_regular_file_is_refused,
	rows_across_many_chunks, a_row_of_200_mb_is_refused_in_bounded_memory,
	closing_leaves_requests_behind_safely, five_failures_open_the_breaker)
