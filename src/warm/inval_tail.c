/* SPDX-License-Identifier: MIT */
/* The invalidations since a run began; see inval_tail.h. */
#include "warm/inval_tail.h"

#include <stdio.h>
#include <string.h>

enum error inval_tail_begin(struct inval_tail *tail, struct cache *cache, struct fault *fault)
{
	*tail = (struct inval_tail){.cache = cache};
	enum error error = inval_log_last(cache, &tail->last, fault);
	/* An empty log looks the same after Redis has lost all keys, those of the run among them.
	 * Without the mark the run is not worse. */
	if (!error && strcmp(tail->last.id, "0-0") == 0 && inval_log_mark(cache, NULL) == OK)
		error = inval_log_last(cache, &tail->last, fault);
	return error;
}

void inval_tail_release(struct inval_tail *tail)
{
	inval_since_free(tail->since);
	tail->since = NULL;
}

void inval_tail_add_read(const struct inval_tail *tail, struct redis_batch *batch,
	struct inval_tail_question *question)
{
	snprintf(question->id, sizeof question->id, "%s", tail->last.id);
	question->index = inval_log_add_read(tail->cache, question->id, batch);
}

bool inval_tail_take_reply(struct inval_tail *tail, const struct inval_tail_question *question,
	const struct redis_value *reply)
{
	struct inval_place place = tail->last;

	memcpy(place.id, question->id, sizeof place.id);
	struct inval_since *since = inval_log_take_reply(tail->cache, reply, &place);
	if (!since)
		return false;
	if (inval_since_empty(since)) {
		inval_since_free(since);
		return true;
	}
	snprintf(tail->last.id, sizeof tail->last.id, "%s", inval_since_last(since));
	if (tail->since)
		inval_since_merge(tail->since, since);
	else
		tail->since = since;
	return inval_since_names(tail->since) <= INVAL_TAIL_MAX_NAMES;
}

bool inval_tail_empty(const struct inval_tail *tail)
{
	return !tail->since;
}

enum error inval_tail_check(const struct inval_tail *tail, struct slice key,
	const struct slice *tags, size_t tag_count, bool *ret)
{
	*ret = false;
	if (!tail->since)
		return OK;
	enum error error = inval_since_check(tail->since, key, ret);

	*ret = *ret || inval_since_matches_tags(tail->since, tags, tag_count);
	return error;
}
