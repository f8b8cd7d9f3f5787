/* SPDX-License-Identifier: MIT */
/* Finding the parts of a pipeline; see slot_parts.h. */
#include "store/slot_parts.h"

#include <stdlib.h>

#include "base/mem.h"

static struct slot_part *add_part(struct slot_parts *p, size_t from, size_t to, unsigned slot)
{
	if (p->count == p->cap) {
		p->cap = p->cap ? 2 * p->cap : 4;
		p->list = mem_realloc(p->list, p->cap * sizeof *p->list);
	}
	p->list[p->count] =
		(struct slot_part){.from = (uint32_t)from, .to = (uint32_t)to, .slot = slot};
	return &p->list[p->count++];
}

static uint32_t add_key(struct slot_parts *p, uint32_t word)
{
	if (p->key_count == p->key_cap) {
		p->key_cap = p->key_cap ? 2 * p->key_cap : 16;
		p->keys = mem_realloc(p->keys, p->key_cap * sizeof *p->keys);
	}
	p->keys[p->key_count] = word;
	return (uint32_t)p->key_count++;
}

/* The slot of the command's first key. */
static unsigned slot_of_command(const struct pipeline *pipeline, size_t i)
{
	enum commands_keys keys = commands_rows[pipeline->slots[i].command].keys;
	struct slice words[4];
	size_t count = pipeline_words(pipeline, i, words, 4);

	switch (keys) {
	case KEYS_FIRST:
	case KEYS_EACH:
		return count > 1 ? slot_of(words[1]) : SLOT_ANYWHERE;
	case KEYS_SCRIPT:
		return count > 3 && !slice_is(words[2], "0") ? slot_of(words[3]) : SLOT_ANYWHERE;
	case KEYS_NONE:
		break;
	}
	/* MEMORY USAGE key and OBJECT IDLETIME key, which have no rows. */
	if (count == 3 && (slice_is(words[0], "MEMORY") || slice_is(words[0], "OBJECT")))
		return slot_of(words[2]);
	return SLOT_ANYWHERE;
}

/* From WATCH or MULTI to EXEC or DISCARD, or to the end. Returns the command behind it. */
static size_t take_transaction(struct slot_parts *p, const struct pipeline *pipeline, size_t from)
{
	unsigned slot = SLOT_ANYWHERE;
	size_t to = from;

	for (bool more = true; more && to < pipeline->count; to++) {
		enum redis_command command = pipeline->slots[to].command;

		if (slot == SLOT_ANYWHERE)
			slot = slot_of_command(pipeline, to);
		more = command != COMMAND_EXEC && command != COMMAND_DISCARD;
	}
	add_part(p, from, to, slot);
	return to;
}

struct keyed {
	unsigned slot;
	uint32_t word;
};

static int by_slot(const void *a, const void *b)
{
	const struct keyed *left = a, *right = b;

	if (left->slot != right->slot)
		return left->slot < right->slot ? -1 : 1;
	return left->word < right->word ? -1 : left->word > right->word;
}

/* Parts for runs of the same slot. */
static void add_runs(struct slot_parts *p, size_t i, const struct keyed *keys, size_t count)
{
	for (size_t k = 0; k < count; k++) {
		if (k == 0 || keys[k].slot != keys[k - 1].slot)
			add_part(p, i, i + 1, keys[k].slot)->first_key = (uint32_t)p->key_count;
		add_key(p, keys[k].word);
		p->list[p->count - 1].key_count++;
	}
	p->split = true;
}

/* Each word but the first is a key: a part for each of their slots, or one for the command. */
static void take_each(struct slot_parts *p, const struct pipeline *pipeline, size_t i, size_t count)
{
	struct slice *words = mem_array(count, sizeof *words);
	struct keyed *keys = mem_array(count - 1, sizeof *keys);
	bool same = true;

	pipeline_words(pipeline, i, words, count);
	for (size_t k = 0; k < count - 1; k++) {
		keys[k] = (struct keyed){slot_of(words[k + 1]), (uint32_t)k + 1};
		same = same && keys[k].slot == keys[0].slot;
	}
	if (same) {
		add_part(p, i, i + 1, keys[0].slot);
	} else {
		qsort(keys, count - 1, sizeof *keys, by_slot);
		add_runs(p, i, keys, count - 1);
	}
	mem_free(words);
	mem_free(keys);
}

void slot_parts_find(const struct pipeline *pipeline, struct slot_parts *ret)
{
	*ret = (struct slot_parts){0};
	for (size_t i = 0; i < pipeline->count;) {
		enum redis_command command = pipeline->slots[i].command;

		if (command == COMMAND_WATCH || command == COMMAND_MULTI) {
			i = take_transaction(ret, pipeline, i);
			continue;
		}
		if (commands_rows[command].keys == KEYS_EACH && pipeline->slots[i].keys > 1)
			take_each(ret, pipeline, i, 1 + pipeline->slots[i].keys);
		else
			add_part(ret, i, i + 1, slot_of_command(pipeline, i));
		i++;
	}
}

void slot_parts_release(struct slot_parts *p)
{
	mem_free(p->list);
	mem_free(p->keys);
	*p = (struct slot_parts){0};
}

/* A part that is the whole of a command becomes one that names its keys. */
static void name_keys(struct slot_parts *p, struct slot_part *part, uint32_t count)
{
	part->first_key = (uint32_t)p->key_count;
	part->key_count = count;
	for (uint32_t word = 1; word <= count; word++)
		add_key(p, word);
	p->split = true;
}

bool slot_parts_split(struct slot_parts *p, const struct pipeline *pipeline, size_t i)
{
	const struct pipeline_slot *slot = &pipeline->slots[p->list[i].from];

	if (commands_rows[slot->command].keys != KEYS_EACH || slot->keys < 2 ||
		p->list[i].to > p->list[i].from + 1 || p->list[i].key_count == 1)
		return false;
	if (p->list[i].key_count == 0)
		name_keys(p, &p->list[i], slot->keys);
	const struct slot_part all = p->list[i];

	for (uint32_t k = 1; k < all.key_count; k++) {
		struct slot_part *part = add_part(p, all.from, all.to, all.slot);

		part->first_key = all.first_key + k;
		part->key_count = 1;
	}
	p->list[i].key_count = 1;
	return true;
}

int slot_parts_only(const struct slot_parts *p)
{
	unsigned only = SLOT_ANYWHERE;

	for (size_t i = 0; i < p->count; i++) {
		if (p->split || (only != SLOT_ANYWHERE && p->list[i].slot != SLOT_ANYWHERE &&
					p->list[i].slot != only))
			return -1;
		if (only == SLOT_ANYWHERE)
			only = p->list[i].slot;
	}
	return (int)only;
}
