/* SPDX-License-Identifier: MIT */
/* Blocking reads and writes: the file is small and on a local disk; see undo_file.h. */
#include "warm/undo_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/state_file.h"

struct undo_file {
	struct log *log;
	char *path;
};

struct undo_file *undo_file_new(const char *url, struct log *log)
{
	char *path = state_file_path("undo", url);

	if (!path)
		return NULL;
	struct undo_file *file = mem_new(struct undo_file);

	file->path = path;
	file->log = log;
	return file;
}

void undo_file_free(struct undo_file *file)
{
	if (!file)
		return;
	mem_free(file->path);
	mem_free(file);
}

bool undo_file_next(struct slice *names, struct slice *ret_name)
{
	size_t n;

	if (names->n < sizeof n)
		return false;
	memcpy(&n, names->p, sizeof n);
	if (n > names->n - sizeof n)
		return false;
	*ret_name = slice_of(names->p + sizeof n, n);
	*names = slice_skip(*names, sizeof n + n);
	return true;
}

/* Where the last complete name ends. */
static size_t whole_bytes(struct slice names)
{
	struct slice rest = names, name;

	while (undo_file_next(&rest, &name))
		;
	return names.n - rest.n;
}

void undo_file_read(const struct undo_file *file, struct buf *names)
{
	struct buf text = {0};
	const char *why = state_file_read(file->path, UNDO_FILE_MAX_BYTES, &text);

	if (why)
		log_warning(file->log, "%s is ignored, remove it: %s", file->path, why);
	buf_append(names, text.p, whole_bytes(buf_slice(&text)));
	buf_release(&text);
}

/* 0, or errno; then the file is as long as before. */
static int append(int fd, struct slice names)
{
	struct stat is;
	ssize_t n;

	if (fstat(fd, &is) != 0)
		return errno;
	if ((size_t)is.st_size + names.n > UNDO_FILE_MAX_BYTES)
		return EFBIG;
	if (state_file_unfit(&is, UNDO_FILE_MAX_BYTES))
		return EPERM;
	n = write(fd, names.p, names.n);
	if (n == (ssize_t)names.n)
		return 0;
	int error = n < 0 ? errno : ENOSPC;

	return ftruncate(fd, is.st_size) == 0 ? error : errno;
}

bool undo_file_add(struct undo_file *file, struct slice names)
{
	int fd = open(file->path,
		O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
	int error = fd < 0 ? errno : append(fd, names);

	if (fd >= 0)
		close(fd);
	if (error)
		log_warning(file->log, "%s cannot be written: %s", file->path, strerror(error));
	return error == 0;
}

void undo_file_remove(struct undo_file *file)
{
	if (unlink(file->path) != 0 && errno != ENOENT)
		log_warning(file->log, "%s cannot be removed: %s", file->path, strerror(errno));
}
