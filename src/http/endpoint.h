/* SPDX-License-Identifier: MIT */
/* Listening sockets: bound, or taken over from systemd, and named. */
#ifndef CW_HTTP_ENDPOINT_H
#define CW_HTTP_ENDPOINT_H

#include <sys/types.h>
#include <time.h>

#include "base/fault.h"
#include "conf/conf.h"

struct endpoint {
	int fd;	       /* listening, non-blocking, closed on exec */
	char *address; /* "http://127.0.0.1:8480" with the port really bound, "unix:/run/x.sock" */
	bool local;    /* a Unix socket */
	bool loopback; /* reached from this machine only */
	bool passed;   /* by systemd, which keeps it open */
	char *path;    /* the socket file that was created, else NULL */
	/* Identifies the file. Inode numbers are reused at once, so the time is part of it. */
	dev_t path_device;
	ino_t path_inode;
	struct timespec path_time;
};

/*
 * Binds a TCP or Unix address. A socket file that no process listens on is replaced. ERR_BAD_CONFIG
 * with the reason.
 */
enum error endpoint_bind(
	const struct conf_listen *listen, struct endpoint *ret, struct fault *fault);
/* Takes over the passed socket `fd`. */
enum error endpoint_take(int fd, struct endpoint *ret, struct fault *fault);
/* Closes it and removes its file if that is still the one that was created. */
void endpoint_close(struct endpoint *endpoint);

#endif
