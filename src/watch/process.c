/* SPDX-License-Identifier: MIT */
/* /proc/self, read directly: both are small and in memory. */
#include "watch/process.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

int64_t process_rss_bytes(void)
{
	char text[128];
	long long pages;
	int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -1;
	ssize_t n = read(fd, text, sizeof text - 1);
	close(fd);
	if (n <= 0)
		return -1;
	text[n] = '\0';
	if (sscanf(text, "%*s %lld", &pages) != 1)
		return -1;
	return pages * sysconf(_SC_PAGESIZE);
}

int64_t process_open_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int64_t count = 0;

	if (!dir)
		return -1;
	while (readdir(dir))
		count++;
	closedir(dir);
	return count - 3; /* ".", "..", and the descriptor that read them */
}
