/* SPDX-License-Identifier: MIT */
/* Reads and checks files; see file.h. */
#include "conf/file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"

enum { fresh_ms = 50 };

static const char *say(struct buf *why, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static const char *say(struct buf *why, const char *format, ...)
{
	va_list args;

	buf_clear(why);
	va_start(args, format);
	buf_vprintf(why, format, args);
	va_end(args);
	return why->p;
}

static bool is_trusted(uid_t owner)
{
	return owner == 0 || owner == geteuid();
}

static const char *judge_folder(const char *folder, struct buf *why)
{
	struct statvfs mounted;
	struct stat st;

	if (stat(folder, &st) < 0)
		return say(why, "is in a folder that cannot be examined: %s", strerror(errno));
	if (statvfs(folder, &mounted) == 0 && (mounted.f_flag & ST_RDONLY))
		return NULL;
	if (!is_trusted(st.st_uid))
		return say(why,
			"is in %s, which is owned by user %u, not by root or the user that runs "
			"the program: run chown root %s",
			folder, (unsigned)st.st_uid, folder);
	/* With the sticky bit, others cannot replace files that they do not own. */
	if ((st.st_mode & (S_IWGRP | S_IWOTH)) && !(st.st_mode & S_ISVTX))
		return say(why,
			"is in %s, which is writable by its group or by others (mode %04o): run "
			"chmod go-w %s",
			folder, (unsigned)(st.st_mode & 07777), folder);
	return NULL;
}

/* Checks the folder of the path as it is written, and that of the file that it links to. */
static const char *judge_folders(const char *path, struct buf *why)
{
	char *named = mem_strdup(path), *real = realpath(path, NULL);
	const char *wrong = judge_folder(dirname(named), why);

	if (!wrong && real)
		wrong = judge_folder(dirname(real), why);
	free(real);
	mem_free(named);
	return wrong;
}

static const char *judge(const struct stat *st, const char *path, bool secret, struct buf *why)
{
	if (!S_ISREG(st->st_mode))
		return "is not a regular file";
	if (!is_trusted(st->st_uid))
		return say(why,
			"is owned by user %u, not by root or the user that runs the program: run "
			"chown root %s",
			(unsigned)st->st_uid, path);
	if (st->st_mode & (S_IWGRP | S_IWOTH))
		return say(why,
			"is writable by its group or by others (mode %04o): run chmod go-w %s",
			(unsigned)(st->st_mode & 07777), path);
	if (secret && (st->st_mode & S_IROTH))
		return say(why, "is readable by others (mode %04o): run chmod o-r %s",
			(unsigned)(st->st_mode & 07777), path);
	if (st->st_size > FILE_MAX_BYTES)
		return "is larger than 256 KiB";
	return judge_folders(path, why);
}

bool file_stamp_equal(const struct file_stamp *a, const struct file_stamp *b)
{
	return a->there == b->there && a->device == b->device && a->inode == b->inode &&
	       a->size == b->size && a->modified.tv_sec == b->modified.tv_sec &&
	       a->modified.tv_nsec == b->modified.tv_nsec &&
	       a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec;
}

struct file_stamp file_stamp_of_uv(const uv_stat_t *stat)
{
	return (struct file_stamp){
		.there = true,
		.device = stat->st_dev,
		.inode = stat->st_ino,
		.size = stat->st_size,
		.modified = {stat->st_mtim.tv_sec, stat->st_mtim.tv_nsec},
		.changed = {stat->st_ctim.tv_sec, stat->st_ctim.tv_nsec},
	};
}

static struct file_stamp stamp_of(const struct stat *st)
{
	int64_t age_ms = clock_wall_ms() -
			 ((int64_t)st->st_mtim.tv_sec * 1000 + st->st_mtim.tv_nsec / 1000000);

	return (struct file_stamp){
		.there = true,
		.fresh = age_ms >= 0 && age_ms < fresh_ms,
		.device = st->st_dev,
		.inode = st->st_ino,
		.size = (uint64_t)st->st_size,
		.modified = st->st_mtim,
		.changed = st->st_ctim,
	};
}

struct file_stamp file_stamp_now(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? stamp_of(&st) : (struct file_stamp){0};
}

/* The file may grow, so the limit is also checked while reading. */
static const char *read_all(int fd, struct buf *out, struct buf *why)
{
	size_t total = 0;

	for (;;) {
		ssize_t n = read(fd, buf_reserve(out, 16384), 16384);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return say(why, "cannot be read: %s", strerror(errno));
		if (n == 0)
			return NULL;
		out->n += (size_t)n;
		out->p[out->n] = '\0';
		total += (size_t)n;
		if (total > FILE_MAX_BYTES)
			return "is larger than 256 KiB";
	}
}

static const char *read_judged(int fd, const char *path, bool secret, struct buf *out,
	struct buf *why, struct file_stamp *ret_stamp)
{
	struct file_stamp before, after;
	const char *wrong;
	struct stat st;

	if (fstat(fd, &st) < 0)
		return say(why, "cannot be read: %s", strerror(errno));
	before = stamp_of(&st);
	wrong = judge(&st, path, secret, why);
	if (!wrong)
		wrong = read_all(fd, out, why);
	if (wrong)
		return wrong;
	if (fstat(fd, &st) < 0)
		return say(why, "cannot be read: %s", strerror(errno));
	after = stamp_of(&st);
	if (!file_stamp_equal(&before, &after))
		return "changed while it was being read: try again when writing has finished";
	if (ret_stamp)
		*ret_stamp = after;
	return NULL;
}

const char *file_read(const char *path, bool secret, struct buf *out, struct buf *why,
	struct file_stamp *ret_stamp)
{
	/* O_NONBLOCK: opening a FIFO must not block. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	const char *wrong;

	if (fd < 0)
		return say(why, "cannot be read: %s", strerror(errno));
	wrong = read_judged(fd, path, secret, out, why, ret_stamp);
	close(fd);
	return wrong;
}

const char *file_read_secret(const char *path, struct buf *out, struct buf *why)
{
	const char *wrong = file_read(path, true, out, why, NULL);

	if (wrong)
		return wrong;
	if (out->n && out->p[out->n - 1] == '\n')
		out->p[--out->n] = '\0';
	if (out->n == 0)
		return "is empty";
	return memchr(out->p, '\0', out->n) ? "holds a NUL byte" : NULL;
}

void file_forget(struct buf *secret)
{
	if (secret->p)
		explicit_bzero(secret->p, secret->cap);
	buf_release(secret);
}
