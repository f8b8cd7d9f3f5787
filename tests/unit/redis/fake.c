/* SPDX-License-Identifier: MIT */
#include "fake.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../unit.h"

static void serve_all(int listener, fake_serve *serve)
{
	for (int number = 0;; number++) {
		int fd = accept(listener, NULL, NULL);

		if (fd < 0)
			_exit(1);
		if (fork() == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			serve(fd, number);
			_exit(0);
		}
		close(fd);
	}
}

void fake_start(struct fake *fake, fake_serve *serve)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int listener = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(fake->folder, sizeof fake->folder, "/tmp/cw-unit-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(fake->folder));
	snprintf(fake->socket, sizeof fake->socket, "%s/redis.sock", fake->folder);
	snprintf(address.sun_path, sizeof address.sun_path, "%s", fake->socket);
	ck_assert_int_eq(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
	ck_assert_int_eq(listen(listener, 16), 0);
	fake->shared = mmap(NULL, sizeof *fake->shared, PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	fake->pid = fork();
	if (fake->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		signal(SIGPIPE, SIG_IGN);
		signal(SIGCHLD, SIG_IGN);
		serve_all(listener, serve);
	}
	close(listener);
}

void fake_end(struct fake *fake)
{
	kill(fake->pid, SIGKILL);
	waitpid(fake->pid, NULL, 0);
	unlink(fake->socket);
	ck_assert_int_eq(rmdir(fake->folder), 0);
}

char fake_heard[4096];

int fake_await(int fd, const char *text)
{
	size_t n = 0;

	for (;;) {
		ssize_t got = read(fd, fake_heard + n, sizeof fake_heard - 1 - n);

		if (got <= 0)
			return 0;
		n += (size_t)got;
		fake_heard[n] = '\0';
		if (strstr(fake_heard, text))
			return 1;
	}
}

void fake_say(int fd, const void *bytes, size_t n)
{
	const char *at = bytes;

	while (n > 0) {
		ssize_t put = write(fd, at, n);

		if (put <= 0)
			return;
		at += put;
		n -= (size_t)put;
	}
}

const char fake_greeting[] = "$11\r\nrole:master\r\n$11\r\nrole:master\r\n"
			     "+OK\r\n"
			     "-ERR unknown command 'DISCARD'\r\n"
			     "*0\r\n";

int fake_greet_with(int fd, const char *pong)
{
	if (!fake_await(fd, "EXEC\r\n"))
		return 0;
	fake_say(fd, "+OK\r\n", 5);
	fake_say(fd, pong, strlen(pong));
	fake_say(fd, fake_greeting, sizeof fake_greeting - 1);
	return 1;
}

int fake_greet(int fd)
{
	return fake_greet_with(fd, "+PONG\r\n");
}
