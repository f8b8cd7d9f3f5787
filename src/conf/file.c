/* SPDX-License-Identifier: MIT */
/* Reading with suspicion; see file.h. */
#include "conf/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

static const char *judge(int fd, const char *path, bool secret, struct buf *why)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return say(why, "cannot be read: %s", strerror(errno));
	if (!S_ISREG(st.st_mode))
		return "is no regular file";
	if (st.st_mode & (S_IWGRP | S_IWOTH))
		return say(why,
			"is writable by others than its owner (mode %04o): run chmod go-w %s",
			(unsigned)(st.st_mode & 07777), path);
	if (secret && (st.st_mode & S_IROTH))
		return say(why, "is readable by everybody (mode %04o): run chmod o-r %s",
			(unsigned)(st.st_mode & 07777), path);
	if (st.st_size > FILE_MAX_BYTES)
		return "is larger than 256 KiB";
	return NULL;
}

/* The size of a moment ago is no promise: the bound is kept while reading. */
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

const char *file_read(const char *path, bool secret, struct buf *out, struct buf *why)
{
	/* O_NONBLOCK: a FIFO must not hold us before fstat() has seen what it is. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	const char *wrong;

	if (fd < 0)
		return say(why, "cannot be read: %s", strerror(errno));
	wrong = judge(fd, path, secret, why);
	if (!wrong)
		wrong = read_all(fd, out, why);
	close(fd);
	return wrong;
}
