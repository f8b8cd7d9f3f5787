/* SPDX-License-Identifier: MIT */
/* What a later start reads back, and what it does not trust. */
#include "warm/undo_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../unit.h"
#include "base/mem.h"

static char folder[32], path[64];
static int log_fd;
static struct log *logger;
static struct undo_file *file;
static struct buf names;

static void begin(void)
{
	char folders[64];

	strcpy(folder, "/tmp/cw-undo-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(folders, sizeof folders, "%s:/nowhere", folder);
	setenv("STATE_DIRECTORY", folders, 1);
	/* The first digits of the SHA-256 of the URL. */
	snprintf(path, sizeof path, "%s/undo-734914f7007b6b3e", folder);
	log_fd = memfd_create("log", 0);
	logger = log_new(log_fd);
	file = undo_file_new("redis://h", logger);
}

static void end(void)
{
	undo_file_free(file);
	log_free(logger);
	close(log_fd);
	buf_release(&names);
	ck_assert(unlink(path) == 0 || access(path, F_OK) != 0);
	ck_assert_int_eq(rmdir(folder), 0);
}

static bool logged(const char *words)
{
	char text[4096] = "";

	ck_assert_int_ge(pread(log_fd, text, sizeof text - 1, 0), 0);
	return strstr(text, words);
}

static bool add(const char *name)
{
	struct buf record = {0};
	size_t n = strlen(name);

	buf_append(&record, &n, sizeof n);
	buf_str(&record, name);
	bool kept = undo_file_add(file, buf_slice(&record));
	buf_release(&record);
	return kept;
}

/* The names that are read, a space behind each. */
static const char *read_back(void)
{
	static char all[256];
	struct buf read = {0};
	struct slice name;

	undo_file_read(file, &read);
	buf_clear(&names);
	for (struct slice rest = buf_slice(&read); undo_file_next(&rest, &name);)
		buf_printf(&names, "%.*s ", (int)name.n, name.p);
	buf_release(&read);
	snprintf(all, sizeof all, "%s", names.n ? names.p : "");
	return all;
}

START_TEST(names_are_read_until_they_are_removed)
{
	begin();
	ck_assert_str_eq(read_back(), "");
	undo_file_remove(file);
	ck_assert(add("a") && add("") && add("long:name"));
	ck_assert_str_eq(read_back(), "a  long:name ");
	undo_file_remove(file);
	ck_assert_str_eq(read_back(), "");
	ck_assert(!logged("cannot"));
	end();
}
END_TEST

START_TEST(without_a_folder_there_is_no_file)
{
	unsetenv("STATE_DIRECTORY");
	ck_assert_ptr_null(undo_file_new("redis://h", NULL));
	setenv("STATE_DIRECTORY", "", 1);
	ck_assert_ptr_null(undo_file_new("redis://h", NULL));
	undo_file_free(NULL);
}
END_TEST

START_TEST(a_file_that_was_cut_has_its_whole_names)
{
	static const char *const expected[] = {"", "one "};
	size_t whole = sizeof(size_t) + 3;

	begin();
	for (size_t n = 2 * whole; n-- > 0;) {
		ck_assert(add("one") && add("two"));
		ck_assert_int_eq(truncate(path, (off_t)n), 0);
		ck_assert_str_eq(read_back(), expected[n >= whole]);
		undo_file_remove(file);
	}
	/* A length that reaches beyond the end. */
	ck_assert(add("one") && add("two"));
	int fd = open(path, O_WRONLY);
	ck_assert_int_eq(pwrite(fd, "\xff\xff\xff\xff\xff\xff\xff\xff", 8, 0), 8);
	close(fd);
	ck_assert_str_eq(read_back(), "");
	end();
}
END_TEST

START_TEST(files_of_other_users_are_not_read)
{
	char other[80];

	begin();
	ck_assert(add("a"));
	ck_assert_int_eq(chmod(path, 0620), 0);
	ck_assert_str_eq(read_back(), "");
	ck_assert(logged("may have been written by another user"));
	ck_assert(!add("b"));
	snprintf(other, sizeof other, "%s.real", path);
	ck_assert_int_eq(chmod(path, 0600), 0);
	ck_assert_int_eq(rename(path, other), 0);
	ck_assert_int_eq(symlink(other, path), 0);
	ck_assert_str_eq(read_back(), "");
	ck_assert(!add("b"));
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(unlink(other), 0);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	ck_assert_str_eq(read_back(), "");
	ck_assert(logged("is not a regular file"));
	end();
}
END_TEST

START_TEST(the_size_of_the_file_is_bounded)
{
	char *large = mem_alloc(UNDO_FILE_MAX_BYTES);

	memset(large, 'x', UNDO_FILE_MAX_BYTES);
	large[UNDO_FILE_MAX_BYTES - 2 * sizeof(size_t)] = '\0';
	begin();
	ck_assert(add("a"));
	ck_assert(!add(large));
	ck_assert(logged("cannot be written: File too large"));
	ck_assert_str_eq(read_back(), "a ");
	ck_assert_int_eq(truncate(path, UNDO_FILE_MAX_BYTES + 1), 0);
	ck_assert_str_eq(read_back(), "");
	ck_assert(logged("is too large"));
	mem_free(large);
	end();
}
END_TEST

TEST_SUITE("undo_file", names_are_read_until_they_are_removed, without_a_folder_there_is_no_file,
	a_file_that_was_cut_has_its_whole_names, files_of_other_users_are_not_read,
	the_size_of_the_file_is_bounded)
