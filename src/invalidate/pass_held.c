/* SPDX-License-Identifier: MIT */
/*
 * Names that a pass holds instead of removing them at once, because the number of keys was not
 * confirmed. If they are few enough, they are removed before the pass ends.
 */
#include <string.h>

#include "invalidate/pass_internal.h"

enum { held_per_command = 100 };

/* A held name: its length, its counters, its bytes. */
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

/* The next held names, up to held_per_command; the masks are the pass's. */
static void fill(struct pass *pass, const struct pass_request *member, size_t *at,
	struct redis_batch *batch, struct buf *notes)
{
	struct removal *removal = removal_new(pass->owner->cache, batch, notes, held_per_command);

	for (size_t i = 0; i < held_per_command && *at < member->held.n; i++) {
		uint64_t bits;
		struct slice name = next_held(&member->held, at, &bits);

		bits <<= member->first_bit;
		removal_add_effect(removal, name, bits, &member->effect);
	}
	removal_end(removal);
}

/* Removes or softens the next names. Parks. */
static enum error remove_some(
	struct pass *pass, const struct pass_request *member, size_t *at, struct fault *fault)
{
	struct cache *cache = pass->owner->cache;
	struct redis_batch *batch = redis_batch_new();
	struct buf notes = {0};

	fill(pass, member, at, batch, &notes);
	enum error error = store_run(cache->store, REDIS_BULK, batch, cache_deadline(cache), fault);
	/* A member may have left meanwhile: no member has the counters of the mask then. */
	enum error refused =
		removal_take(cache, batch, &notes, pass_count_removal, pass, error ? NULL : fault);
	redis_batch_free(batch);
	buf_release(&notes);
	return error ? error : refused;
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
	if (!error)
		buf_clear(&member->held);
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
