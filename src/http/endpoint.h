/* SPDX-License-Identifier: MIT */
/* Listening sockets: bound, or taken over from systemd, and named. */
#ifndef CW_HTTP_ENDPOINT_H
#define CW_HTTP_ENDPOINT_H

#include <sys/types.h>
#include <time.h>

#include "base/fault.h"
#include "conf/conf.h"

struct endpoint {
	int fd; /* listening, non-blocking, closed on exec */
	/* "http://127.0.0.1:8480", "https://..." with the port really bound, "unix:/run/x.sock" */
	char *address;
	bool local;    /* a Unix socket */
	bool loopback; /* reached from this machine only */
	bool passed;   /* by systemd, which keeps it open */
	bool shared;   /* `fd` is our own duplicate of another endpoint's */
	char *path;    /* the socket file that was created, else NULL */
	/* Identifies the file. Inode numbers are reused at once, so the time is part of it. */
	dev_t path_device;
	ino_t path_inode;
	struct timespec path_time;
};

/*
 * Binds a TCP or Unix address; `tls`: TCP connections will speak TLS. A socket file that no process
 * listens on is replaced. ERR_BAD_CONFIG with the reason.
 */
enum error endpoint_bind(
	const struct conf_listen *listen, bool tls, struct endpoint *ret, struct fault *fault);
/* Takes over the passed socket `fd`. */
enum error endpoint_take(int fd, bool tls, struct endpoint *ret, struct fault *fault);
/* A second descriptor of the socket of `from`, which is not one of a Unix socket. */
enum error endpoint_share(
	const struct endpoint *from, bool tls, struct endpoint *ret, struct fault *fault);
/* Closes it and removes its file if that is still the one that was created. */
void endpoint_close(struct endpoint *endpoint);

#endif
