/* SPDX-License-Identifier: MIT */
/* The file of the audit log; see audit_file.h. */
#include "watch/audit_file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	pipe_bytes = 4096, /* a pipe that poll(2) calls writable takes as many without waiting */
	pipe_wait_ms = 1000,
	file_mode = 0640,
};

/* 0, or errno. */
static int end_last_line(int fd, off_t size)
{
	char last;

	if (size == 0 || pread(fd, &last, 1, size - 1) != 1 || last == '\n')
		return 0;
	return write(fd, "\n", 1) == 1 ? 0 : errno;
}

int audit_file_open(const char *path, const char **ret_why)
{
	struct stat is;

	if (strcmp(path, AUDIT_STDOUT) == 0)
		return STDOUT_FILENO;
	/* O_NONBLOCK: a pipe without a reader is refused, not waited for. */
	int fd = open(
		path, O_RDWR | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, file_mode);
	int error = fd < 0 || fstat(fd, &is) ? errno : 0;

	if (!error && !S_ISREG(is.st_mode) && !S_ISCHR(is.st_mode))
		*ret_why = "is neither a regular file nor a device";
	else if (!error && S_ISREG(is.st_mode))
		error = end_last_line(fd, is.st_size);
	if (error)
		*ret_why = strerror(error);
	if (*ret_why && fd >= 0)
		close(fd);
	return *ret_why ? -1 : fd;
}

void audit_file_close(int fd)
{
	if (fd >= 0 && fd != STDOUT_FILENO)
		close(fd);
}

/* How many bytes can be written now without waiting for a reader. */
static size_t room(int fd, size_t wanted)
{
	struct pollfd look = {.fd = fd, .events = POLLOUT};

	if (fd != STDOUT_FILENO)
		return wanted;
	if (poll(&look, 1, pipe_wait_ms) <= 0)
		return 0;
	return wanted < pipe_bytes ? wanted : pipe_bytes;
}

size_t audit_file_write(int fd, struct slice bytes, size_t at, const char **ret_why)
{
	while (at < bytes.n && !*ret_why) {
		size_t n = room(fd, bytes.n - at);
		ssize_t done = n ? write(fd, bytes.p + at, n) : 0;

		if (done > 0)
			at += (size_t)done;
		else if (n == 0 || done == 0)
			*ret_why = "takes no more bytes";
		else if (errno != EINTR)
			*ret_why = strerror(errno);
	}
	return at;
}
