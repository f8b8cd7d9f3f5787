/* SPDX-License-Identifier: MIT */
/*
 * The password that a command prints (redis.password_command), for all connections of a store.
 *
 *	password_ask ... -> one run for all that ask meanwhile -> each answered()
 *
 * A run has PASSWORD_RUN_MS. After one that failed, requests within a second, later within up
 * to ten, are answered with its fault, so that a failing command is not run again at once.
 */
#ifndef CW_REDIS_PASSWORD_H
#define CW_REDIS_PASSWORD_H

#include "base/fault.h"
#include "base/loop.h"
#include "base/slice.h"

enum { PASSWORD_RUN_MS = 5000, PASSWORD_MAX_BYTES = 4096 };

struct password;

/* A question; embedded in its owner. */
struct password_wait {
	struct password_wait *next, **at; /* `at` NULL: it does not wait */
	/*
	 * Called once from a fiber that must not park: the password, valid during the call, or a
	 * fault (ERR_REDIS_AUTH; the text is empty then).
	 */
	void (*answered)(struct password_wait *wait, struct slice text, const struct fault *fault);
};

struct password *password_new(struct loop *loop);
/* There must be no waiting request. Ends a run; parks until it has ended. NULL is allowed. */
void password_free(struct password *password);
/* The command for runs that begin later, which is copied; argv[argc] is NULL. NULL = none. */
void password_configure(struct password *password, char **argv);
/* False for NULL, too. */
bool password_has_command(const struct password *password);
/* There is a command. The answer comes later. One that waits already goes on waiting. */
void password_ask(struct password *password, struct password_wait *wait);
/* Does nothing if it does not wait. */
void password_forget(struct password_wait *wait);

#endif
