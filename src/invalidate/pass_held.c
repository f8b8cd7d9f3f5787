/* SPDX-License-Identifier: MIT */
/*
 * Names that a pass notes instead of removing them at once, because nobody has confirmed how many
 * they may become. Where they stayed few, they are removed before the pass ends.
 */
#include <string.h>

#include "cache/entry.h"
#include "cache/soft_purge.h"
#include "invalidate/pass_internal.h"

enum { held_per_command = 100 };

/* A held name: its length, its slots, its bytes. */
void pass_hold(struct pass_request *member, struct slice name, uint64_t bits)
{
	if (member->overflowed)
		return;
	if (member->held.n + sizeof name.n + sizeof bits + name.n > PASS_HOLD_BYTES) {
		member->overflowed = true;
		buf_release(&member->held);
		return;
	}
	buf_append(&member->held, &name.n, sizeof name.n);
	buf_append(&member->held, &bits, sizeof bits);
	buf_add(&member->held, name);
}

/* The name at *at in what a member holds; moves behind it. */
static struct slice next_held(const struct buf *held, size_t *at, uint64_t *ret_bits)
{
	struct slice name;

	memcpy(&name.n, held->p + *at, sizeof name.n);
	memcpy(ret_bits, held->p + *at + sizeof name.n, sizeof *ret_bits);
	name.p = held->p + *at + sizeof name.n + sizeof *ret_bits;
	*at += sizeof name.n + sizeof *ret_bits + name.n;
	return name;
}

/* A command's worth of held names of the same slots: one alone where it is softened. */
struct handful {
	struct slice argv[held_per_command + 1];
	size_t argc;
	struct pass_note note; /* the slots as the member counts them */
};

static void take_handful(
	struct pass *pass, const struct pass_request *member, size_t *at, struct handful *ret)
{
	uint64_t bits = 0;

	while (*at < member->held.n && ret->argc <= held_per_command && !ret->note.stale_for_ms) {
		size_t next = *at;
		struct slice name = next_held(&member->held, &next, &bits);
		int64_t stale_for_ms =
			member->soft ? entry_stale_for(pass->owner->cache->conf, name) : 0;

		if (ret->argc > 1 && (bits != ret->note.mask || stale_for_ms))
			break;
		ret->note = (struct pass_note){bits, stale_for_ms};
		ret->argv[ret->argc++] = name;
		*at = next;
	}
}

/* Removes or softens the next names. Parks. */
static enum error remove_some(
	struct pass *pass, struct pass_request *member, size_t *at, struct fault *fault)
{
	struct cache *cache = pass->owner->cache;
	struct handful h = {.argv = {pass_queue_remove_command(pass->owner)}, .argc = 1};
	struct redis_batch *batch = redis_batch_new();

	take_handful(pass, member, at, &h);
	h.note.mask <<= member->first_bit;
	if (h.note.stale_for_ms)
		soft_purge_add(pass->owner->cache, batch, h.argv[1], h.note.stale_for_ms);
	else
		redis_batch_add(batch, h.argc, h.argv);
	struct redis_node *node = redis_store_node(cache->store, h.argv[1]);
	enum error error = redis_node_run(node, REDIS_BULK, batch, cache_deadline(cache), fault);
	/* The member may have gone meanwhile: the mask then meets nobody. */
	if (!error)
		error = pass_take_reply(pass, redis_batch_reply(batch, 0), h.note, fault);
	redis_batch_free(batch);
	return error;
}

static enum error remove_held(struct pass *pass, size_t place, struct fault *fault)
{
	struct pass_request *member = pass->members[place];
	enum error error = OK;

	for (size_t at = 0; !error && at < member->held.n && !member->leaving;) {
		error = remove_some(pass, member, &at, fault);
		/* It frees what it holds when it goes. */
		if (pass->members[place] != member)
			return error;
	}
	return error;
}

enum error pass_remove_held(struct pass *pass, struct fault *fault)
{
	enum error error = OK;

	for (size_t i = 0; i < pass->member_count && !error; i++)
		if (pass->members[i] && pass->members[i]->mode == PASS_HOLD &&
			!pass->members[i]->leaving && !pass->members[i]->overflowed)
			error = remove_held(pass, i, fault);
	pass_release_leaving(pass);
	return error;
}
