/* SPDX-License-Identifier: MIT */
/*
 * Routes: to which slot of a cluster a command goes, and which commands stay together. Pure.
 *
 *	GET a            -> the slot of a
 *	MGET a b c       -> one part for each slot of its keys; the replies are joined
 *	WATCH a ... EXEC -> one part, to the slot of its first key
 *	PING             -> anywhere
 */
#ifndef CW_STORE_SLOT_PARTS_H
#define CW_STORE_SLOT_PARTS_H

#include "redis/pipeline.h"
#include "store/slot.h"

/* In place of a slot: the commands have no key. */
enum { SLOT_ANYWHERE = SLOT_COUNT };

/* What is sent to one server as a whole. */
struct slot_part {
	uint32_t from, to; /* commands of the pipeline */
	unsigned slot;
	/* A part of one command: these of its words are its keys. 0 = the commands as they are. */
	uint32_t first_key, key_count;
};

struct slot_parts {
	struct slot_part *list;
	size_t count, cap;
	uint32_t *keys; /* indexes of words */
	size_t key_count, key_cap;
	bool split; /* some part is of some of a command's keys */
};

/* The parts in the order of the commands. Release them. */
void slot_parts_find(const struct pipeline *pipeline, struct slot_parts *ret);
void slot_parts_release(struct slot_parts *parts);
/*
 * Replaces part i, of one command whose keys can be sent one by one, by a part for each key; those
 * are at the end. False if it is not of that kind.
 */
bool slot_parts_split(struct slot_parts *parts, const struct pipeline *pipeline, size_t i);
/* The slot if all parts have the same or none and no command is split; else -1. */
int slot_parts_only(const struct slot_parts *parts);

#endif
