/* SPDX-License-Identifier: MIT */
/*
 * See progress.h.
 *
 * Special: glibc's struct tcp_info ends before the count of acknowledged bytes, and Linux's header
 * cannot be included beside glibc's, which libuv includes.
 */
#include "http/progress.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

uint64_t progress_mark(int fd)
{
	struct tcp_info info;
	socklen_t n = sizeof info;
	int left = 0;

	memset(&info, 0, sizeof info);
	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &n) == 0)
		return info.tcpi_bytes_acked;
	ioctl(fd, TIOCOUTQ, &left);
	return (uint64_t)left;
}
