/* SPDX-License-Identifier: MIT */
/* The invalidations since a run began; see trail.h. */
#include "warm/trail.h"

#include <stdio.h>

enum error trail_begin(struct trail *trail, struct cw *cw, struct fault *fault)
{
	*trail = (struct trail){.cw = cw};
	enum error error = inval_log_last(cw, trail->start, fault);

	snprintf(trail->last, sizeof trail->last, "%s", trail->start);
	return error;
}

void trail_release(struct trail *trail)
{
	for (size_t i = 0; i < trail->count; i++)
		inval_since_free(trail->parts[i].since);
	trail->count = 0;
}

void trail_ask(struct trail *trail, struct redis_batch *batch, struct trail_question *question)
{
	bool again = trail->count == TRAIL_PARTS;

	snprintf(question->id, sizeof question->id, "%s", again ? trail->start : trail->last);
	question->from = again ? 0 : trail->answers;
	question->index = inval_log_read(trail->cw, question->id, batch);
}

/* What begins no earlier than the newest part is said by that one too. */
static void drop_covered(struct trail *trail, uint64_t from)
{
	while (trail->count && trail->parts[trail->count - 1].from >= from)
		inval_since_free(trail->parts[--trail->count].since);
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
	drop_covered(trail, question->from);
	/* Full only where an earlier question was on its way when the last place was taken. */
	if (trail->count == TRAIL_PARTS) {
		inval_since_free(since);
		return false;
	}
	snprintf(trail->last, sizeof trail->last, "%s", inval_since_last(since));
	trail->answers++;
	trail->parts[trail->count++] = (struct trail_part){since, question->from};
	return true;
}

bool trail_empty(const struct trail *trail)
{
	return trail->count == 0;
}

bool trail_matches(const struct trail *trail, struct slice key)
{
	for (size_t i = 0; i < trail->count; i++)
		if (inval_since_matches(trail->parts[i].since, key))
			return true;
	return false;
}
