/* SPDX-License-Identifier: MIT */
/*
 * Reading the node's own line of CLUSTER NODES:
 *
 *	ID HOST:PORT@BUS[,NAME] myself,master - PING PONG EPOCH STATE 0-99 200 [7->-ID] [9-<-ID]
 */
#include "store/slot_claim.h"

#include <stdio.h>
#include <string.h>

enum { flags_at = 2, epoch_at = 6, slots_at = 8 };

bool slot_claim_has_flag(struct slice flags, const char *name)
{
	while (flags.n)
		if (slice_is(slice_take(&flags, ','), name))
			return true;
	return false;
}

static bool take_slot(struct slice text, unsigned *ret)
{
	uint64_t number;

	if (!slice_uint64(text, &number) || number >= SLOT_COUNT)
		return false;
	*ret = (unsigned)number;
	return true;
}

/* "[7->-ID]", "[9-<-ID]" */
static bool take_moving(struct slice word, struct slot_claim *ret)
{
	struct slice rest = slice_skip(word, 1), number = slice_take(&rest, '-');
	unsigned slot;

	if (!take_slot(number, &slot) || rest.n < 2 || rest.p[1] != '-')
		return false;
	if (rest.p[0] == '>')
		slot_set_add(&ret->migrating, slot);
	else if (rest.p[0] == '<')
		slot_set_add(&ret->importing, slot);
	else
		return false;
	return true;
}

/* "200", "0-99" */
static bool take_range(struct slice word, struct slot_claim *ret)
{
	struct slice rest = word, begin = slice_take(&rest, '-');
	unsigned first, last;

	if (!take_slot(begin, &first))
		return false;
	last = first;
	if (begin.n < word.n && !take_slot(rest, &last))
		return false;
	for (unsigned slot = first; slot <= last; slot++)
		slot_set_add(&ret->owned, slot);
	return first <= last;
}

static bool take_line(struct slice id, struct slice rest, struct slot_claim *ret)
{
	unsigned at = 1;

	if (id.n == 0 || id.n >= sizeof ret->id)
		return false;
	snprintf(ret->id, sizeof ret->id, "%.*s", (int)id.n, id.p);
	for (; rest.n; at++) {
		struct slice word = slice_take(&rest, ' ');
		bool good = true;

		if (at == flags_at)
			ret->primary = slot_claim_has_flag(word, "master");
		else if (at == epoch_at)
			good = slice_uint64(word, &ret->epoch);
		else if (at >= slots_at && word.n)
			good = word.p[0] == '[' ? take_moving(word, ret) : take_range(word, ret);
		if (!good)
			return false;
	}
	return at >= slots_at;
}

enum error slot_claim_parse(struct slice text, struct slot_claim *ret, struct fault *fault)
{
	*ret = (struct slot_claim){0};
	while (text.n) {
		struct slice line = slice_take(&text, '\n'), words = line;

		if (line.n && line.p[line.n - 1] == '\r')
			words.n--;
		struct slice id = slice_take(&words, ' '), rest = words;

		slice_take(&words, ' ');
		if (!slot_claim_has_flag(slice_take(&words, ' '), "myself"))
			continue;
		if (take_line(id, rest, ret))
			return OK;
		return fault_set(fault, ERR_REDIS_PROTOCOL,
			"a node's own line in CLUSTER NODES cannot be read: \"%.*s\"",
			(int)(line.n < 300 ? line.n : 300), line.p);
	}
	return fault_set(
		fault, ERR_REDIS_PROTOCOL, "CLUSTER NODES has no line about the node itself");
}
