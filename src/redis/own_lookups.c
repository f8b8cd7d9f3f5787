/* SPDX-License-Identifier: MIT */
/* From replies to looked up keys; see own_lookups.h. */
#include "redis/own_lookups.h"

struct teller {
	const struct pipeline *pipeline;
	own_lookups_told *told;
	void *context;
};

/* MGET: a key for each item. */
static void tell_each(const struct teller *teller, size_t i, const struct redis_value *reply)
{
	enum { most = 1001 };
	struct slice words[most];
	size_t count = pipeline_words(teller->pipeline, i, words, most);

	for (size_t at = 0; at < reply->count && at + 1 < count && at + 1 < most; at++) {
		bool hit = reply->items[at]->type != REDIS_NIL;

		teller->told(teller->context, words[at + 1], hit, !hit);
	}
}

/* Command i of the pipeline. */
static void tell_one(const struct teller *teller, size_t i, const struct redis_value *reply)
{
	const struct pipeline_slot *slot = &teller->pipeline->slots[i];
	const struct commands_row *row = &commands_rows[slot->command];
	struct commands_tally tally = {0};
	struct slice words[4];

	if (row->hits == HITS_EACH && reply->type == REDIS_ARRAY) {
		tell_each(teller, i, reply);
		return;
	}
	commands_tally(slot->command, slot->keys, reply, &tally);
	if (tally.hits == 0 && tally.misses == 0)
		return;
	size_t count = pipeline_words(teller->pipeline, i, words, 4);
	size_t key = row->keys == KEYS_SCRIPT ? 3 : 1;

	if (key < count)
		teller->told(teller->context, words[key], (int)tally.hits, (int)tally.misses);
}

void own_lookups_tell(const struct pipeline *pipeline, const struct pipeline_slot *slot,
	const struct redis_value *reply, own_lookups_told *told, void *context)
{
	const struct teller teller = {pipeline, told, context};
	size_t end = (size_t)(slot - pipeline->slots), i = end;

	if (slot->command != COMMAND_EXEC) {
		tell_one(&teller, end, reply);
		return;
	}
	while (i > 0 && pipeline->slots[i].command != COMMAND_MULTI)
		i--;
	if (reply->type != REDIS_ARRAY || end - i != reply->count + 1)
		return;
	for (size_t at = 0; at < reply->count; at++)
		tell_one(&teller, i + 1 + at, reply->items[at]);
}
