/* SPDX-License-Identifier: MIT */
/* The invalidations since a run began; see trail.h. */
#include "warm/trail.h"

#include <stdio.h>

enum error trail_begin(struct trail *trail, struct cache *cache, struct fault *fault)
{
	*trail = (struct trail){.cache = cache};
	return inval_log_last(cache, trail->last, fault);
}

void trail_release(struct trail *trail)
{
	inval_since_free(trail->said);
	trail->said = NULL;
}

void trail_ask(
	const struct trail *trail, struct redis_batch *batch, struct trail_question *question)
{
	snprintf(question->id, sizeof question->id, "%s", trail->last);
	question->index = inval_log_read(trail->cache, question->id, batch);
}

bool trail_hear(
	struct trail *trail, const struct trail_question *question, const struct redis_value *reply)
{
	struct inval_since *since = reply ? inval_since_parse(reply, question->id) : NULL;

	if (!since)
		return false;
	if (inval_since_empty(since)) {
		inval_since_free(since);
		return true;
	}
	snprintf(trail->last, sizeof trail->last, "%s", inval_since_last(since));
	if (trail->said)
		inval_since_merge(trail->said, since);
	else
		trail->said = since;
	return inval_since_names(trail->said) <= TRAIL_MAX_NAMES;
}

bool trail_empty(const struct trail *trail)
{
	return !trail->said;
}

bool trail_matches(
	const struct trail *trail, struct slice key, const struct slice *tags, size_t tag_count)
{
	return trail->said && (inval_since_matches(trail->said, key) ||
				      inval_since_matches_tags(trail->said, tags, tag_count));
}
