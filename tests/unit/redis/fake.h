/* SPDX-License-Identifier: MIT */
/* A server that says what a test wants, in a process of its own, on a Unix socket. */
#ifndef CW_TESTS_REDIS_FAKE_H
#define CW_TESTS_REDIS_FAKE_H

#include <stddef.h>
#include <sys/types.h>

struct fake {
	char folder[64];
	char socket[96];
	pid_t pid;
	int *shared; /* between the test and all that serve for it; 0 at first */
};

/* Serves connection `number` (from 0) in a process of its own; it is closed on return. */
typedef void fake_serve(int fd, int number);

void fake_start(struct fake *fake, fake_serve *serve);
void fake_end(struct fake *fake);

/* For servers: reads until `text` has come; 0 where the peer closed first. */
int fake_await(int fd, const char *text);
extern char fake_heard[4096]; /* what the last fake_await() has read */
void fake_say(int fd, const void *bytes, size_t n);
/*
 * What answers a handshake behind CLIENT SETNAME and PING: two sections of INFO, and no DISCARD, so
 * that no commands are asked for.
 */
extern const char fake_greeting[];
/* Answers the handshake of a client without password and database. */
int fake_greet(int fd);
/* The same, with another answer to PING. */
int fake_greet_with(int fd, const char *pong);

#endif
