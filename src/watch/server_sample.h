/* SPDX-License-Identifier: MIT */
/* The last INFO of one primary, and how its counters have grown since the one before. */
#ifndef CW_WATCH_SERVER_SAMPLE_H
#define CW_WATCH_SERVER_SAMPLE_H

#include "redis/info.h"
#include "redis/node.h"

struct server_sample {
	struct redis_node *node; /* a reference */
	bool known;		 /* it has answered once */
	bool answered;		 /* to the last question */
	struct redis_info info;
	int64_t hits, misses; /* since its start, without our own; -1 = not known */
	int64_t took_us;      /* the round trip */
	/* Our own lookups that its counters do not hold: they came before it began to count. */
	int64_t own_hits_before, own_misses_before;
	/*
	 * Growth since the sample before; 0 after the first one and after a reset. Of hits and
	 * misses it may be below 0, which takes back a part of the growth before.
	 */
	int64_t hits_grown, misses_grown, commands_grown, expired_grown, evicted_grown;
	bool restarted; /* since the sample before its counters began anew */
	bool flushed;	/* the database was: until the reader has told that, and cleared it */
	/* What it had when it did not load its data; an empty run_id = not known. */
	struct {
		char run_id[48];
		int64_t keys, flush_calls;
	} whole;
};

/* Begins one, with a reference of its own. */
void server_sample_init(struct server_sample *server, struct redis_node *node);
void server_sample_release(struct server_sample *server);
/* What came with an answer. */
struct server_answer {
	struct redis_info info;
	int64_t own_hits, own_misses; /* of our own lookups, since we began */
	int64_t took_us;
};
/* Takes the answer, with its info, over. */
void server_sample_take(struct server_sample *server, const struct server_answer *answer);

#endif
