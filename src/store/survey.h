/* SPDX-License-Identifier: MIT */
/*
 * The same question to all primaries: every batch is sent before the first reply is awaited.
 *
 *	survey_init() -> the caller fills answers[i].batch -> survey_run() -> survey_release()
 */
#ifndef CW_STORE_SURVEY_H
#define CW_STORE_SURVEY_H

#include "store/store.h"

struct survey_answer {
	struct redis_node *node;   /* a reference */
	struct redis_batch *batch; /* every command has a reply, unless there is a fault */
	struct fault fault;	   /* OK = none; replies may still be error replies */
};

struct survey {
	size_t count;
	struct survey_answer *answers;
};

/* One empty batch for each of store_primaries(), in its order. */
void survey_init(struct survey *survey, struct store *store);
/* `deadline` is that of each answer: how long the slowest may take. Parks. */
void survey_run(struct survey *survey, enum redis_priority priority, int64_t deadline);
void survey_release(struct survey *survey);

#endif
