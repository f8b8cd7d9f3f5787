/* SPDX-License-Identifier: MIT */
/* Sockets of each kind; see endpoint.h. */
#include "http/endpoint.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"

enum { backlog = 1024 };

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	struct sockaddr_un un;
	struct sockaddr_storage storage;
};

static enum error refuse(struct fault *fault, const char *what, const char *why)
{
	return fault_set(fault, ERR_BAD_CONFIG, "listen: %s: %s", what, why);
}

/* In use by another process, so a later attempt may succeed. The command `look` shows which. */
static enum error refuse_taken(struct fault *fault, const char *what, const char *look)
{
	return fault_temporary(fault,
		fault_set(fault, ERR_BAD_CONFIG,
			"listen: %s: the address is in use by another process (%s shows which): "
			"end it, or listen on another address",
			what, look));
}

static enum error refuse_tcp(struct fault *fault, const struct conf_listen *listen_at)
{
	char look[48];

	if (errno != EADDRINUSE)
		return refuse(fault, listen_at->text, strerror(errno));
	snprintf(look, sizeof look, "ss -ltnp sport = :%u", listen_at->port);
	return refuse_taken(fault, listen_at->text, look);
}

/* Closes a socket after a failure; keeps errno for the caller's message. */
static void give_up(int fd)
{
	int saved = errno;

	if (fd >= 0)
		close(fd);
	errno = saved;
}

static bool is_loopback(const union address *address)
{
	switch (address->any.sa_family) {
	case AF_UNIX:
		return true;
	case AF_INET:
		return ntohl(address->v4.sin_addr.s_addr) >> 24 == 127;
	case AF_INET6:
		return IN6_IS_ADDR_LOOPBACK(&address->v6.sin6_addr);
	default:
		return false;
	}
}

static char *address_text(const union address *address, socklen_t n, bool tls)
{
	const char *scheme = tls ? "https" : "http";
	char text[INET6_ADDRSTRLEN];

	switch (address->any.sa_family) {
	case AF_INET:
		inet_ntop(AF_INET, &address->v4.sin_addr, text, sizeof text);
		return mem_printf("%s://%s:%u", scheme, text, ntohs(address->v4.sin_port));
	case AF_INET6:
		inet_ntop(AF_INET6, &address->v6.sin6_addr, text, sizeof text);
		return mem_printf("%s://[%s]:%u", scheme, text, ntohs(address->v6.sin6_port));
	default:
		/* The path may fill the structure without a NUL. */
		if (n <= offsetof(struct sockaddr_un, sun_path))
			return mem_strdup("unix:");
		n -= (socklen_t)offsetof(struct sockaddr_un, sun_path);
		return mem_printf(
			"unix:%.*s", (int)strnlen(address->un.sun_path, n), address->un.sun_path);
	}
}

/* Fills `ret` with what the kernel says about a bound socket. */
static bool describe(int fd, bool tls, struct endpoint *ret)
{
	union address address = {.any.sa_family = AF_UNSPEC};
	socklen_t n = sizeof address;

	if (getsockname(fd, &address.any, &n) != 0)
		return false;
	ret->fd = fd;
	ret->local = address.any.sa_family == AF_UNIX;
	ret->loopback = is_loopback(&address);
	ret->address = address_text(&address, n, tls);
	return true;
}

static enum error bind_tcp(
	const struct conf_listen *listen_at, bool tls, struct endpoint *ret, struct fault *fault)
{
	union address address = {.any.sa_family = AF_UNSPEC};
	socklen_t n = sizeof address.v4;
	const int on = 1;
	int fd;

	if (inet_pton(AF_INET, listen_at->host, &address.v4.sin_addr) == 1) {
		address.v4.sin_family = AF_INET;
		address.v4.sin_port = htons(listen_at->port);
	} else if (inet_pton(AF_INET6, listen_at->host, &address.v6.sin6_addr) == 1) {
		address.v6.sin6_family = AF_INET6;
		address.v6.sin6_port = htons(listen_at->port);
		n = sizeof address.v6;
	} else {
		return refuse(fault, listen_at->text, "is not a numeric address");
	}
	fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
		(address.any.sa_family == AF_INET6 &&
			setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) != 0) ||
		bind(fd, &address.any, n) != 0 || listen(fd, backlog) != 0 ||
		!describe(fd, tls, ret)) {
		give_up(fd);
		return refuse_tcp(fault, listen_at);
	}
	return OK;
}

static int unix_socket(void)
{
	return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

/* Removes a socket that no process listens on, so that the path is free. */
static enum error clear_path(const union address *address, struct fault *fault)
{
	const char *path = address->un.sun_path;
	struct stat is;
	int fd, refused;

	if (lstat(path, &is) != 0)
		return errno == ENOENT ? OK : refuse(fault, path, strerror(errno));
	if (!S_ISSOCK(is.st_mode))
		return refuse(fault, path, "exists and is not a socket");
	fd = unix_socket();
	refused = fd >= 0 && connect(fd, &address->any, sizeof address->un) != 0 &&
		  errno == ECONNREFUSED;
	give_up(fd);
	if (!refused)
		return refuse_taken(fault, path, "ss -lxp");
	if (unlink(path) != 0 && errno != ENOENT)
		return refuse(fault, path, strerror(errno));
	return OK;
}

static enum error bind_unix(
	const struct conf_listen *listen_at, struct endpoint *ret, struct fault *fault)
{
	union address address = {.un.sun_family = AF_UNIX};
	size_t n = strlen(listen_at->path);
	struct stat is;
	enum error error;
	int fd;

	if (n == 0 || n >= sizeof address.un.sun_path)
		return refuse(fault, listen_at->text, "the path of a socket has 1 to 107 bytes");
	memcpy(address.un.sun_path, listen_at->path, n);
	error = clear_path(&address, fault);
	if (error)
		return error;
	fd = unix_socket();
	/* The file is created with this mode less the umask, never with more. */
	if (fd < 0 || fchmod(fd, listen_at->mode) != 0 ||
		bind(fd, &address.any, sizeof address.un) != 0 || !describe(fd, false, ret)) {
		give_up(fd);
		return refuse(fault, listen_at->text, strerror(errno));
	}
	ret->path = mem_strdup(listen_at->path);
	if (stat(ret->path, &is) == 0) {
		ret->path_device = is.st_dev;
		ret->path_inode = is.st_ino;
		ret->path_time = is.st_mtim;
		if (chmod(ret->path, listen_at->mode) == 0 && listen(fd, backlog) == 0)
			return OK;
	}
	refuse(fault, listen_at->text, strerror(errno));
	endpoint_close(ret);
	return ERR_BAD_CONFIG;
}

enum error endpoint_bind(
	const struct conf_listen *listen_at, bool tls, struct endpoint *ret, struct fault *fault)
{
	*ret = (struct endpoint){.fd = -1};
	return listen_at->kind == LISTEN_UNIX ? bind_unix(listen_at, ret, fault)
					      : bind_tcp(listen_at, tls, ret, fault);
}

enum error endpoint_take(int fd, bool tls, struct endpoint *ret, struct fault *fault)
{
	int type = 0, listening = 0, flags = fcntl(fd, F_GETFL);
	socklen_t n = sizeof type;

	*ret = (struct endpoint){.fd = -1, .passed = true};
	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &n) != 0 || type != SOCK_STREAM ||
		getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &n) != 0 || !listening)
		return refuse(fault, "systemd", "a passed socket is not a listening stream socket");
	if (fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0 || !describe(fd, tls, ret))
		return refuse(fault, "systemd", strerror(errno));
	return OK;
}

enum error endpoint_share(
	const struct endpoint *from, bool tls, struct endpoint *ret, struct fault *fault)
{
	int fd = fcntl(from->fd, F_DUPFD_CLOEXEC, 0);

	*ret = (struct endpoint){.fd = -1, .passed = from->passed, .shared = true};
	if (fd < 0 || !describe(fd, tls, ret)) {
		give_up(fd);
		return refuse(fault, from->address, strerror(errno));
	}
	return OK;
}

static bool is_own_file(const struct endpoint *endpoint)
{
	struct stat is;

	return lstat(endpoint->path, &is) == 0 && is.st_dev == endpoint->path_device &&
	       is.st_ino == endpoint->path_inode &&
	       is.st_mtim.tv_sec == endpoint->path_time.tv_sec &&
	       is.st_mtim.tv_nsec == endpoint->path_time.tv_nsec;
}

void endpoint_close(struct endpoint *endpoint)
{
	/* A passed socket goes on listening for the next daemon. */
	if (endpoint->fd >= 0 && (!endpoint->passed || endpoint->shared))
		close(endpoint->fd);
	if (endpoint->path && is_own_file(endpoint))
		unlink(endpoint->path);
	mem_free(endpoint->path);
	mem_free(endpoint->address);
	*endpoint = (struct endpoint){.fd = -1};
}
