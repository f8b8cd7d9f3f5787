/* SPDX-License-Identifier: MIT */
/* Blocking reads and writes of small files; see state_file.h. */
#include "base/state_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/hex.h"
#include "base/mem.h"

enum { digest_bytes = 8 };

char *state_file_path(const char *kind, const char *of)
{
	const char *folders = getenv("STATE_DIRECTORY");
	size_t n = folders ? strcspn(folders, ":") : 0;
	uint8_t digest[SHA256_BYTES];
	struct buf path = {0};

	if (n == 0)
		return NULL;
	crypto_sha256(slice_str(of), digest);
	buf_printf(&path, "%.*s/%s-", (int)n, folders, kind);
	hex_encode(digest, digest_bytes, &path);
	return buf_steal(&path, &n);
}

const char *state_file_unfit(const struct stat *is, size_t max_bytes)
{
	if (!S_ISREG(is->st_mode))
		return "is not a regular file";
	if (is->st_uid != geteuid() || (is->st_mode & (S_IWGRP | S_IWOTH)))
		return "may have been written by another user";
	if ((size_t)is->st_size > max_bytes)
		return "is too large";
	return NULL;
}

/* 0, or errno. */
static int read_all(int fd, size_t size, struct buf *out)
{
	while (size) {
		ssize_t n = read(fd, buf_reserve(out, size), size);

		if (n == 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return errno;
		if (n > 0) {
			out->n += (size_t)n;
			size -= (size_t)n;
		}
	}
	return 0;
}

const char *state_file_read(const char *path, size_t max_bytes, struct buf *out)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat is;

	if (fd < 0)
		return errno == ENOENT ? NULL : strerror(errno);
	const char *why = fstat(fd, &is) ? strerror(errno) : state_file_unfit(&is, max_bytes);
	int error = why ? 0 : read_all(fd, (size_t)is.st_size, out);

	close(fd);
	return error ? strerror(error) : why;
}

/* 0, or errno. */
static int write_all(int fd, struct slice bytes)
{
	while (bytes.n) {
		ssize_t n = write(fd, bytes.p, bytes.n);

		if (n < 0 && errno != EINTR)
			return errno;
		if (n > 0)
			bytes = slice_skip(bytes, (size_t)n);
	}
	return 0;
}

const char *state_file_replace(const char *path, struct slice bytes)
{
	char *next = mem_printf("%s.new", path);
	/* A file that a killed process left, or a link, is not written through. */
	int error = unlink(next) && errno != ENOENT ? errno : 0;
	int fd =
		error ? -1 : open(next, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0) {
		error = error ? error : errno;
	} else {
		error = write_all(fd, bytes);
		if (close(fd) && !error)
			error = errno;
		if (!error && rename(next, path))
			error = errno;
		if (error)
			unlink(next);
	}
	mem_free(next);
	return error ? strerror(error) : NULL;
}
