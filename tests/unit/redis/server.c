/* SPDX-License-Identifier: MIT */
#include "server.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../unit.h"

void server_restart(struct server *server, const char *option, const char *value)
{
	server->pid = fork();
	ck_assert_int_ge(server->pid, 0);
	if (server->pid > 0)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (!freopen("/dev/null", "w", stdout))
		_exit(1);
	execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", server->socket,
		"--dir", server->folder, "--save", "", "--appendonly", "no",
		"--enable-debug-command", "yes", option, value, NULL);
	_exit(1);
}

static int answers(const struct server *server)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(address.sun_path, sizeof address.sun_path, "%s", server->socket);
	int status = connect(fd, (struct sockaddr *)&address, sizeof address);
	close(fd);
	return status == 0;
}

void server_start(struct server *server, const char *option, const char *value)
{
	snprintf(server->folder, sizeof server->folder, "/tmp/cw-unit-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(server->folder));
	snprintf(server->socket, sizeof server->socket, "%s/redis.sock", server->folder);
	server_restart(server, option, value);
	for (int i = 0; i < 500 && !answers(server); i++)
		usleep(10000);
	ck_assert(answers(server));
}

void server_signal(struct server *server, int signal)
{
	ck_assert_int_eq(kill(server->pid, signal), 0);
}

void server_kill(struct server *server)
{
	kill(server->pid, SIGKILL);
	waitpid(server->pid, NULL, 0);
	server->pid = 0;
}

void server_end(struct server *server)
{
	if (server->pid)
		server_kill(server);
	unlink(server->socket);
	ck_assert_int_eq(rmdir(server->folder), 0);
}

struct conf_redis server_conf(struct server *server)
{
	return (struct conf_redis){
		.kind = REDIS_URL_UNIX,
		.path = server->socket,
		.connect_timeout_ms = 1000,
		.command_timeout_ms = 2000,
		.breaker_failures = 5,
		.breaker_probe_every_ms = 1000,
	};
}
