/* SPDX-License-Identifier: MIT */
#include "watch/audit_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../unit.h"
#include "base/mem.h"

static char folder[] = "/tmp/cw-audit-XXXXXX";
static char *path;

static void begin(void)
{
	ck_assert_ptr_nonnull(mkdtemp(folder));
	path = mem_printf("%s/audit.jsonl", folder);
}

static void end(void)
{
	unlink(path);
	rmdir(folder);
	mem_free(path);
}

static int open_well(void)
{
	const char *why = NULL;
	int fd = audit_file_open(path, &why);

	ck_assert_ptr_null(why);
	ck_assert_int_ge(fd, 0);
	return fd;
}

static void write_well(int fd, const char *text)
{
	const char *why = NULL;

	ck_assert_uint_eq(audit_file_write(fd, slice_str(text), 0, &why), strlen(text));
	ck_assert_ptr_null(why);
}

static void check_file(const char *wanted)
{
	char text[64] = {0};
	int fd = open(path, O_RDONLY);

	ck_assert_int_ge(read(fd, text, sizeof text - 1), 0);
	close(fd);
	ck_assert_str_eq(text, wanted);
}

START_TEST(it_goes_on_behind_what_is_there)
{
	begin();
	int fd = open_well();

	write_well(fd, "one\n");
	audit_file_close(fd);
	fd = open_well();
	write_well(fd, "two\n");
	audit_file_close(fd);
	check_file("one\ntwo\n");
	end();
}
END_TEST

START_TEST(an_unfinished_line_is_ended)
{
	begin();
	int fd = open_well();

	write_well(fd, "one\nhal");
	audit_file_close(fd);
	fd = open_well();
	write_well(fd, "two\n");
	audit_file_close(fd);
	check_file("one\nhal\ntwo\n");
	end();
}
END_TEST

START_TEST(what_was_written_is_not_written_again)
{
	begin();
	const char *why = NULL;
	int fd = open_well();

	ck_assert_uint_eq(audit_file_write(fd, SLICE("one\n"), 2, &why), 4);
	audit_file_close(fd);
	check_file("e\n");
	end();
}
END_TEST

START_TEST(a_full_device_says_so)
{
	begin();
	const char *why = NULL;
	int fd = audit_file_open("/dev/full", &why);

	ck_assert_ptr_null(why);
	ck_assert_uint_eq(audit_file_write(fd, SLICE("one\n"), 0, &why), 0);
	ck_assert_str_eq(why, strerror(ENOSPC));
	audit_file_close(fd);
	audit_file_close(-1);
	end();
}
END_TEST

START_TEST(what_is_not_a_file_is_refused)
{
	begin();
	const char *why = NULL;

	ck_assert_int_eq(audit_file_open(folder, &why), -1);
	ck_assert_str_eq(why, strerror(EISDIR));
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	why = NULL;
	ck_assert_int_eq(audit_file_open(path, &why), -1);
	ck_assert_str_eq(why, "is neither a regular file nor a device");
	why = NULL;
	ck_assert_int_eq(audit_file_open("/nowhere/audit", &why), -1);
	ck_assert_str_eq(why, strerror(ENOENT));
	why = NULL;
	ck_assert_int_eq(audit_file_open(AUDIT_STDOUT, &why), STDOUT_FILENO);
	ck_assert_ptr_null(why);
	end();
}
END_TEST

TEST_SUITE("audit_file", it_goes_on_behind_what_is_there, an_unfinished_line_is_ended,
	what_was_written_is_not_written_again, a_full_device_says_so, what_is_not_a_file_is_refused)
