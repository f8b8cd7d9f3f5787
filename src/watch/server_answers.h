/* SPDX-License-Identifier: MIT */
/*
 * What all primaries answer to one command of inspection, asked when it is wanted, but at most once
 * a second however many want it.
 *
 *	requests -> (younger than a second) the last answers
 *	         -> (else) one fiber asks, the others wait for it
 */
#ifndef CW_WATCH_SERVER_ANSWERS_H
#define CW_WATCH_SERVER_ANSWERS_H

#include "cache/cache.h"

enum { SERVER_ANSWERS_MS = 1000, SERVER_ANSWERS_WORDS = 3 };

struct server_answer_item {
	struct redis_node *node;   /* a reference */
	struct redis_value *reply; /* NULL: see `fault` */
	struct fault fault;
};

/* The answers to one asking; counted. */
struct answer_set {
	unsigned refs;
	int64_t wall_ms, mono_ms;
	size_t count;
	struct server_answer_item *items;
};

struct server_answers;

/* The command's words are constant text; NULL ends them. `cache` is borrowed. */
struct server_answers *server_answers_new(
	struct cache *cache, const char *const words[SERVER_ANSWERS_WORDS]);
/* No request may be in server_answers_get(). May be NULL. */
void server_answers_free(struct server_answers *answers);
/*
 * A reference to answers that are at most a second old; at least one server has answered. Else the
 * error of the first. Parks.
 */
enum error server_answers_get(
	struct server_answers *answers, struct answer_set **ret, struct fault *fault);
void server_answers_unref(struct answer_set *set);

#endif
