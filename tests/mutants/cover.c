/* SPDX-License-Identifier: MIT */
/*
 * Which basic blocks run: gcc's -fsanitize-coverage=trace-pc calls the function below in each of
 * them. Each byte of the file $CW_COVER/IMAGE stands for the block at that address of the daemon,
 * the library or the unit tests; all processes share it, so that it is complete even where they are
 * killed. Compiled without that option itself.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

extern const char __ehdr_start __attribute__((visibility("hidden")));
extern const char etext __attribute__((visibility("hidden")));
static unsigned char *blocks;

__attribute__((constructor)) static void cover_begin(void)
{
	const char *folder = getenv("CW_COVER");
	size_t size = (size_t)(&etext - &__ehdr_start);
	char path[4096];
	Dl_info info;

	if (!folder || !dladdr(&blocks, &info))
		return;
	snprintf(path, sizeof path, "%s/%s", folder, strrchr(info.dli_fname, '/') + 1);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);

	if (fd < 0 || ftruncate(fd, (off_t)size) != 0)
		return;
	void *mapped = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	close(fd);
	if (mapped != MAP_FAILED)
		blocks = mapped;
}

__attribute__((visibility("hidden"))) void __sanitizer_cov_trace_pc(void);

void __sanitizer_cov_trace_pc(void)
{
	if (blocks)
		blocks[(const char *)__builtin_return_address(0) - &__ehdr_start] = 1;
}
