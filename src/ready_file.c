/* SPDX-License-Identifier: MIT */
/* Writes a temporary file and renames it; see ready_file.h. */
#include "ready_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/mem.h"

/* A temporary name in the same folder. */
static char *name_beside(const char *path)
{
	uint64_t random;

	crypto_random(&random, sizeof random);
	return mem_printf("%s.%016llx", path, (unsigned long long)random);
}

static bool write_all(int fd, struct slice text)
{
	while (text.n) {
		ssize_t n = write(fd, text.p, text.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		text = slice_of(text.p + n, text.n - (size_t)n);
	}
	return true;
}

/* Returns 0, or errno; then there is no such file. */
static int write_beside(const char *beside, struct slice text, struct stat *ret)
{
	/* O_EXCL does not follow links. */
	int fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	int error = 0;

	if (fd < 0)
		return errno;
	if (!write_all(fd, text) || fstat(fd, ret) != 0)
		error = errno;
	if (close(fd) != 0 && !error)
		error = errno;
	if (error)
		unlink(beside);
	return error;
}

/* Only a regular file may be replaced, such as that of an earlier start. */
static bool is_replaceable(const char *path)
{
	struct stat is;

	return lstat(path, &is) != 0 || S_ISREG(is.st_mode);
}

enum error ready_file_write(struct ready_file *file, struct slice text, struct fault *fault)
{
	struct stat is;
	char *beside;
	int error;

	if (!file->path)
		return OK;
	if (!is_replaceable(file->path))
		return fault_set(fault, ERR_BAD_CONFIG,
			"--ready-file %s exists and is not a regular file: remove it, or give "
			"another path",
			file->path);
	beside = name_beside(file->path);
	error = write_beside(beside, text, &is);
	if (!error && rename(beside, file->path) != 0) {
		error = errno;
		unlink(beside);
	}
	mem_free(beside);
	if (error)
		return fault_set(fault, ERR_BAD_CONFIG, "--ready-file %s cannot be written: %s",
			file->path, strerror(error));
	file->written = true;
	file->device = is.st_dev;
	file->inode = is.st_ino;
	return OK;
}

void ready_file_remove(struct ready_file *file)
{
	struct stat is;

	if (file->written && lstat(file->path, &is) == 0 && is.st_dev == file->device &&
		is.st_ino == file->inode)
		unlink(file->path);
	file->written = false;
}
