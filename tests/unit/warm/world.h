/* SPDX-License-Identifier: MIT */
/* For the warm tests: a real redis-server, and one or two daemons' engines on it in one loop. */
#ifndef CW_TESTS_WARM_WORLD_H
#define CW_TESTS_WARM_WORLD_H

#include "../redis/server.h"
#include "warm/warm.h"

/* What a daemon has, as far as warming goes. */
struct daemon {
	struct event_bus *bus;
	struct metrics *metrics;
	struct store *store;
	struct conf *conf;
	struct engine engine;
	struct sources *sources;
	struct warm *warm;
};

struct world {
	struct server server;
	struct loop *loop;
	struct fiber_group group;
	struct log *log;
	int log_fd;
};

extern struct world world;

/* Runs `test` in a fiber beside a fresh redis-server; `option` and `value` as server_start(). */
void world_run(void (*test)(void), const char *option, const char *value);

/* `jobs` is the YAML of warm.jobs and what else stands at the top level behind it. */
void daemon_begin(struct daemon *daemon, const char *jobs);
/* Parks. */
void daemon_end(struct daemon *daemon);
/* A new configuration, as a reload would bring it. */
enum error daemon_reload(struct daemon *daemon, const char *jobs, struct fault *fault);

/* The document of GET /operations/{id}; the caller owns it. */
cJSON *operation_document(struct operation *operation);
/* Runs a job to its end; the caller owns the operation's JSON. Parks. */
cJSON *daemon_warm(struct daemon *daemon, const char *job);
/* {"jobs": [...]} of GET /warm; the caller owns it. */
cJSON *daemon_jobs(struct daemon *daemon);
/* A command to the server with words that hold no spaces; its reply as text. Parks. */
const char *redis(struct daemon *daemon, const char *command);
/* A member of an object by path "a/b", as JSON text in a buffer that the next call ends. */
const char *member(const cJSON *object, const char *path);
/* A file in the server's folder, removed at the end; the path is static. */
const char *world_file(const char *name, const char *text);
/* What was logged since the start. */
const char *world_log(void);

#endif
