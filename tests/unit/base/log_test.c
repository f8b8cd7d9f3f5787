/* SPDX-License-Identifier: MIT */
/* The log on pipes, sockets, files and a terminal whose other end the test holds. */
#include "base/log.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"

#include "../unit.h"

static struct clock_fake now = {.mono_ns = 5000000000, .wall_ms = 1795499118123};
static struct log *out;
static struct buf got;
static int ends[2]; /* reader, writer */

/* A log to `fd` as if that were the journal's: its lines are the message and little else. */
static struct log *journal(int fd)
{
	struct stat about;
	char stream[64];

	ck_assert_int_eq(fstat(fd, &about), 0);
	snprintf(
		stream, sizeof stream, "%ju:%ju", (uintmax_t)about.st_dev, (uintmax_t)about.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	struct log *log = log_new(fd);
	unsetenv("JOURNAL_STREAM");
	return log;
}

static void begin(void)
{
	clock_use_fake(&now);
	signal(SIGPIPE, SIG_IGN);
	ck_assert_int_eq(pipe(ends), 0);
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	out = journal(ends[1]);
}

/* What has reached the reader since the last call. */
static const char *arrived(void)
{
	char bytes[4096];
	ssize_t n;

	buf_clear(&got);
	while ((n = read(ends[0], bytes, sizeof bytes)) > 0)
		buf_append(&got, bytes, (size_t)n);
	return got.p ? got.p : "";
}

static void end(void)
{
	log_free(out);
	close(ends[0]);
	close(ends[1]);
	buf_release(&got);
}

static void pass_ms(int64_t ms)
{
	now.mono_ns += ms * 1000000;
}

static size_t count(const char *text, const char *what)
{
	size_t n = 0;

	for (; (text = strstr(text, what)); text += strlen(what))
		n++;
	return n;
}

START_TEST(levels_are_named_and_filtered)
{
	enum log_level level;

	begin();
	log_debug(out, "no %d", 1);
	log_info(out, "yes %d", 2);
	log_warning(out, "yes %d", 3);
	log_error(out, "yes %d", 4);
	ck_assert_str_eq(arrived(), "<6>yes 2\n<4>yes 3\n<3>yes 4\n");
	ck_assert(log_level_parse(SLICE("debug"), &level) && level == LOG_LEVEL_DEBUG);
	log_configure(out, level, false);
	log_debug(out, "now");
	ck_assert_str_eq(arrived(), "<7>now\n");
	ck_assert(log_level_parse(SLICE("error"), &level) && level == LOG_LEVEL_ERROR);
	ck_assert(!log_level_parse(SLICE("Error"), &level));
	ck_assert(!log_level_parse(SLICE(""), &level));
	log_configure(out, level, false);
	log_warning(out, "no");
	ck_assert_str_eq(arrived(), "");
	end();
	log_free(NULL);
}
END_TEST

START_TEST(json_lines_carry_time_and_level)
{
	begin();
	log_configure(out, LOG_LEVEL_INFO, true);
	log_warning(out, "key %s", "a\"b\\c\n\xff\xe2\x80\xae\xc3\xa9");
	ck_assert_str_eq(arrived(),
		"{\"time\":\"2026-11-24T05:45:18.123Z\",\"level\":\"warning\","
		"\"message\":\"key a\\\"b\\\\c\\u000a\\\\xff\\u202e\xc3\xa9\"}\n");
	end();
}
END_TEST

static const char *evaluated(bool *ret)
{
	*ret = true;
	return "argument";
}

START_TEST(debug_lines_show_the_id_and_are_never_suppressed)
{
	bool asked = false;

	begin();
	log_debug(NULL, "%s", evaluated(&asked));
	log_debug(out, "%s", evaluated(&asked));
	ck_assert(!asked && !log_debugs(out) && !log_debugs(NULL));
	log_info(out, "plain");
	log_configure(out, LOG_LEVEL_DEBUG, false);
	log_debug_as(out, "r\n1", "%s", evaluated(&asked));
	log_debug(out, "for nothing");
	ck_assert(asked);
	ck_assert_str_eq(arrived(), "<6>plain\n<7>[r\\u000a1] argument\n<7>for nothing\n");
	log_configure(out, LOG_LEVEL_DEBUG, true);
	log_debug_as(out, "r1", "x");
	ck_assert_ptr_nonnull(strstr(arrived(), "\"message\":\"x\",\"id\":\"r1\"}\n"));
	log_configure(out, LOG_LEVEL_DEBUG, false);
	for (int i = 0; i < 30; i++)
		log_debug(out, "many");
	ck_assert_uint_eq(count(arrived(), "<7>many\n"), 30);
	end();
}
END_TEST

START_TEST(names_of_keys_are_cut_between_code_points)
{
	char name[60];

	memset(name, 'k', sizeof name);
	ck_assert_int_eq(log_key_bytes(SLICE("short")), 5);
	ck_assert_int_eq(log_key_bytes(slice_of(NULL, 0)), 0);
	ck_assert_int_eq(log_key_bytes(slice_of(name, 48)), 48);
	ck_assert_int_eq(log_key_bytes(slice_of(name, sizeof name)), 48);
	memcpy(name + 47, "\xc3\xa9", 2);
	ck_assert_int_eq(log_key_bytes(slice_of(name, sizeof name)), 47);
}
END_TEST

START_TEST(a_pipe_gets_time_and_level)
{
	begin();
	log_free(out);
	/* Of the manager's stream that this one has taken the place of. */
	setenv("JOURNAL_STREAM", "8:1", 1);
	out = log_new(ends[1]);
	unsetenv("JOURNAL_STREAM");
	log_warning(out, "hello\n");
	ck_assert_str_eq(arrived(), "2026-11-24T05:45:18.123Z warning hello\n");
	end();
}
END_TEST

START_TEST(a_terminal_gets_time_and_level)
{
	char bytes[200] = "";

	begin();
	int master = posix_openpt(O_RDWR | O_NOCTTY);
	ck_assert_int_ge(master, 0);
	ck_assert_int_eq(grantpt(master) | unlockpt(master), 0);
	int terminal = open(ptsname(master), O_RDWR | O_NOCTTY);
	struct log *log = log_new(terminal);
	log_info(log, "hello\x1b[31m");
	ck_assert_int_gt(read(master, bytes, sizeof bytes - 1), 0);
	ck_assert_str_eq(bytes, "2026-11-24T05:45:18.123Z info hello\\u001b[31m\r\n");
	log_free(log);
	close(terminal);
	close(master);
	end();
}
END_TEST

START_TEST(nothing_in_a_message_can_forge_a_line_or_move_the_cursor)
{
	static const struct {
		const char *message, *line;
	} rows[] = {
		{"a\n<3>forged", "<6>a\\u000a<3>forged\n"},
		{"\r\b\x1b[2J\x7f\t", "<6>\\u000d\\u0008\\u001b[2J\\u007f\\u0009\n"},
		{"\xc2\x9b"
		 "31m",
			"<6>\\u009b31m\n"},
		{"\xe2\x80\xa8\xe2\x80\xa9", "<6>\\u2028\\u2029\n"},
		{"\xe2\x80\xae\xe2\x81\xa6\xd8\x9c", "<6>\\u202e\\u2066\\u061c\n"},
		{"\xc3", "<6>\\xc3\n"},
		{"\xc0\x8a\xed\xa0\x80", "<6>\\xc0\\x8a\\xed\\xa0\\x80\n"},
		{"caf\xc3\xa9 \xf0\x9f\x98\x80 \\n \"q\"",
			"<6>caf\xc3\xa9 \xf0\x9f\x98\x80 \\n \"q\"\n"},
		{"", "<6>\n"},
	};

	begin();
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		log_info(out, "%s", rows[i].message);
		ck_assert_str_eq(arrived(), rows[i].line);
	}
	end();
}
END_TEST

START_TEST(any_bytes_stay_one_printable_line)
{
	begin();
	srandom(11);
	for (int i = 0; i < 2000; i++) {
		char message[64];
		size_t n = (size_t)random() % (sizeof message - 1);

		for (size_t j = 0; j < n; j++)
			message[j] = (char)(random() % 255 + 1);
		message[n] = '\0';
		log_configure(out, LOG_LEVEL_INFO, i % 2);
		log_info(out, "%s", message);
		pass_ms(100);
		const char *line = arrived();
		ck_assert_uint_eq(count(line, "\n"), 1);
		for (size_t j = 0; j + 1 < got.n; j++)
			ck_assert((unsigned char)line[j] >= 0x20 && line[j] != 0x7f);
	}
	end();
}
END_TEST

START_TEST(a_long_message_is_cut_between_code_points)
{
	static char message[10000];

	begin();
	for (size_t i = 0; i + 3 < sizeof message; i += 3)
		memcpy(message + i, "\xe2\x82\xac", 3);
	for (int shift = 0; shift < 3; shift++) {
		log_info(out, "%.*s%s", shift, "ab", message);
		const char *line = arrived();
		ck_assert(!strstr(line, "\\x"));
		ck_assert_str_eq(line + strlen(line) - 7, "\xe2\x82\xac...\n");
		ck_assert_uint_le(got.n, 4096 + 4);
		ck_assert_uint_ge(got.n, 4096 + 4 - 3);
	}
	memset(message, 'x', 4096);
	message[4096] = '\0';
	log_info(out, "%s", message);
	ck_assert_uint_eq(strlen(arrived()), 4096 + 4);
	ck_assert(!strchr(got.p, '.'));
	end();
}
END_TEST

static void repeat(int times, const char *what)
{
	for (int i = 0; i < times; i++)
		log_info(out, "again %s", what);
}

START_TEST(one_kind_of_line_is_written_ten_times_a_second)
{
	begin();
	repeat(25, "a");
	ck_assert_uint_eq(count(arrived(), "<6>again a\n"), 10);
	log_info(out, "another");
	log_warning(out, "again %s", "b");
	ck_assert_str_eq(arrived(), "<6>another\n<4>again b\n");
	pass_ms(999);
	repeat(1, "a");
	ck_assert_str_eq(arrived(), "");
	pass_ms(1);
	repeat(1, "a");
	ck_assert_str_eq(
		arrived(), "<6>16 more lines like this were left out: again a\n<6>again a\n");
	end();
}
END_TEST

START_TEST(no_second_has_more_than_ten_wherever_it_begins)
{
	size_t per_100_ms[100] = {0};

	begin();
	for (int i = 0; i < 100; i++) {
		repeat((int)(random() % 8), "a");
		per_100_ms[i] = count(arrived(), "<6>again a\n");
		size_t second = 0;
		for (int j = i; j >= 0 && j > i - 10; j--)
			second += per_100_ms[j];
		ck_assert_uint_le(second, 10);
		pass_ms(100);
	}
	end();
}
END_TEST

START_TEST(suppressed_lines_are_reported_without_a_following_line)
{
	begin();
	repeat(12, "a");
	arrived();
	ck_assert(log_flush(out));
	ck_assert_str_eq(arrived(), "");
	pass_ms(1000);
	ck_assert(log_flush(out));
	ck_assert_str_eq(arrived(), "<6>2 more lines like this were left out: again a\n");
	ck_assert(log_flush(out));
	ck_assert_str_eq(arrived(), "");
	ck_assert_uint_eq(log_dropped(out), 0);
	end();
}
END_TEST

START_TEST(a_replaced_kind_reports_its_suppressed_lines)
{
	static char formats[200][8];

	begin();
	repeat(11, "a");
	arrived();
	for (int i = 0; i < 200; i++) {
		pass_ms(1);
		strcpy(formats[i], "kind");
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-security"
		log_info(out, formats[i]);
#pragma GCC diagnostic pop
	}
	ck_assert_uint_eq(count(arrived(), "<6>kind\n"), 200);
	ck_assert_uint_eq(count(got.p, "1 more lines like this were left out: again a"), 1);
	end();
}
END_TEST

/* Fills the reader with lines that it does not read; returns how many were written. */
static size_t flood(size_t lines)
{
	for (size_t i = 0; i < lines; i++) {
		log_info(out, "line %06zu of the flood, with some more text to make it longer", i);
		pass_ms(100);
	}
	return lines;
}

static void check_slow_reader(void)
{
	buf_clear(&got);
	struct buf all = {0};
	size_t lines = flood(9000);

	ck_assert(!log_flush(out));
	ck_assert_uint_gt(log_dropped(out), 0);
	for (bool empty = false; !empty;) {
		empty = log_flush(out);
		buf_str(&all, arrived());
	}
	buf_str(&all, arrived());
	uint64_t dropped = log_dropped(out);
	ck_assert_uint_eq(count(all.p, " of the flood"), lines - dropped);
	ck_assert_uint_eq(count(all.p, "\n"), lines - dropped + 1);
	char *announcement = strstr(all.p, "<4>");
	ck_assert_ptr_nonnull(announcement);
	ck_assert_uint_eq(strtoull(announcement + 3, NULL, 10), dropped);
	flood(1);
	ck_assert_uint_eq(count(arrived(), "\n"), 1);
	ck_assert_uint_eq(log_dropped(out), dropped);
	buf_release(&all);
}

START_TEST(a_full_pipe_does_not_block_and_lost_lines_are_reported)
{
	begin();
	check_slow_reader();
	ck_assert(!(fcntl(ends[1], F_GETFL) & O_NONBLOCK));
	end();
}
END_TEST

START_TEST(a_full_socket_does_not_block_and_lost_lines_are_reported)
{
	begin();
	log_free(out);
	close(ends[0]);
	close(ends[1]);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	out = journal(ends[1]);
	check_slow_reader();
	ck_assert(!(fcntl(ends[1], F_GETFL) & O_NONBLOCK));
	end();
}
END_TEST

START_TEST(a_pipe_that_cannot_be_opened_again_does_not_block)
{
	begin();
	log_free(out);
	ck_assert_int_eq(fchmod(ends[1], 0), 0);
	if (geteuid() == 0)
		ck_assert_int_eq(seteuid(65534), 0);
	out = journal(ends[1]);
	if (getuid() == 0)
		ck_assert_int_eq(seteuid(0), 0);
	check_slow_reader();
	end();
}
END_TEST

START_TEST(lines_keep_their_order_around_a_gap)
{
	long last = -1;
	struct buf all = {0};

	begin();
	flood(5000);
	for (int i = 0; i < 3; i++) {
		buf_str(&all, arrived());
		log_flush(out);
	}
	for (char *line = strtok(all.p, "\n"); line; line = strtok(NULL, "\n")) {
		if (strncmp(line, "<6>line ", 8) != 0)
			continue;
		long number = strtol(line + 8, NULL, 10);
		ck_assert_int_gt(number, last);
		last = number;
	}
	buf_release(&all);
	ck_assert_int_gt(last, 1500);
	end();
}
END_TEST

START_TEST(a_closed_reader_loses_lines_only)
{
	begin();
	close(ends[0]);
	flood(100);
	ck_assert_uint_eq(log_dropped(out), 100);
	ck_assert(log_flush(out));
	ck_assert_uint_eq(log_dropped(out), 100);
	ends[0] = dup(ends[1]);
	end();
}
END_TEST

START_TEST(a_full_disk_loses_whole_lines)
{
	char path[] = "/tmp/log_test.XXXXXX", text[400] = "";
	struct rlimit old, small;

	begin();
	signal(SIGXFSZ, SIG_IGN);
	int file = mkstemp(path);
	unlink(path);
	struct log *log = journal(file);
	getrlimit(RLIMIT_FSIZE, &old);
	small = old;
	small.rlim_cur = 20;
	setrlimit(RLIMIT_FSIZE, &small);
	log_info(log, "first %s", "line");
	for (int i = 0; i < 5; i++)
		log_info(log, "second line %d", i);
	uint64_t dropped = log_dropped(log);
	setrlimit(RLIMIT_FSIZE, &old); /* check needs files to say that an assertion failed */
	ck_assert_uint_eq(dropped, 5);
	log_info(log, "third");
	ck_assert_uint_eq(log_dropped(log), 5);
	ck_assert_int_gt(pread(file, text, sizeof text - 1, 0), 0);
	ck_assert_str_eq(text,
		"<6>first line\n<6>sec\n"
		"<4>5 log lines were dropped here: their reader was too slow or failed\n"
		"<6>third\n");
	log_free(log);
	close(file);
	end();
}
END_TEST

START_TEST(closing_waits_for_a_slow_reader_within_a_limit)
{
	begin();
	flood(1500);
	clock_use_fake(NULL);
	int64_t before = clock_mono_ms();
	log_free(out);
	ck_assert_int_ge(clock_mono_ms() - before, 200);
	ck_assert_int_lt(clock_mono_ms() - before, 5000);
	out = NULL;
	end();
}
END_TEST

TEST_SUITE("log", levels_are_named_and_filtered, json_lines_carry_time_and_level,
	debug_lines_show_the_id_and_are_never_suppressed, names_of_keys_are_cut_between_code_points,
	a_pipe_gets_time_and_level, a_terminal_gets_time_and_level,
	nothing_in_a_message_can_forge_a_line_or_move_the_cursor, any_bytes_stay_one_printable_line,
	a_long_message_is_cut_between_code_points, one_kind_of_line_is_written_ten_times_a_second,
	no_second_has_more_than_ten_wherever_it_begins,
	suppressed_lines_are_reported_without_a_following_line,
	a_replaced_kind_reports_its_suppressed_lines,
	a_full_pipe_does_not_block_and_lost_lines_are_reported,
	a_full_socket_does_not_block_and_lost_lines_are_reported,
	a_pipe_that_cannot_be_opened_again_does_not_block, lines_keep_their_order_around_a_gap,
	a_closed_reader_loses_lines_only, a_full_disk_loses_whole_lines,
	closing_waits_for_a_slow_reader_within_a_limit)
