/* SPDX-License-Identifier: MIT */
/* A real redis-server on a Unix socket in a temporary folder; it dies with the test. */
#ifndef CW_TESTS_REDIS_SERVER_H
#define CW_TESTS_REDIS_SERVER_H

#include <sys/types.h>

#include "conf/conf.h"

struct server {
	char folder[64];
	char socket[96];
	pid_t pid;
};

/* `option` and `value` are one more setting, or NULL. Returns once it answers. */
void server_start(struct server *server, const char *option, const char *value);
/* Starts it again in the same folder, without waiting. */
void server_restart(struct server *server, const char *option, const char *value);
void server_signal(struct server *server, int signal);
/* SIGKILL, and waits for the end. */
void server_kill(struct server *server);
/* Kills what runs and removes the folder. */
void server_end(struct server *server);
/* What the configuration would say, for such a server. */
struct conf_redis server_conf(struct server *server);

#endif
