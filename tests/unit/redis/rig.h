/* SPDX-License-Identifier: MIT */
/* A store on a real server, and a fiber to use it from: begin(), change `conf`, run(). */
#ifndef CW_TESTS_REDIS_RIG_H
#define CW_TESTS_REDIS_RIG_H

#include "server.h"
#include "store/store.h"

extern struct loop *loop;
extern struct server server;
extern struct conf_redis conf;
extern struct store *store;
extern struct redis_node *node;
extern struct metrics *metrics;
extern int state_events; /* EVENT_REDIS_STATE so far */

/* Starts the server, with one more setting or NULL. */
void begin(const char *option, const char *value);
/* Runs `function` in a fiber with a store, then takes everything down. */
void run(void (*function)(void));

#define CALL(ret, fault, ...) store_command(store, SLICE(""), ret, fault, __VA_ARGS__)

void set(const char *key, const char *value);
/* Until commands work; how long that took. */
int64_t wait_for_service(int64_t max_ms);

#endif
