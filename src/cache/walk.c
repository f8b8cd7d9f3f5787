/* SPDX-License-Identifier: MIT */
/* One fiber per primary, page by page; see walk.h. */
#include "cache/walk.h"

#include <stdio.h>

#include "base/mem.h"
#include "redis/pacer.h"

enum { cursor_bytes = 24, cleanup_ms = 5000 };

struct walker {
	const struct walk_spec *spec;
	struct walk *walk;
	struct redis_node *node;
	size_t primary;
	struct redis_pacer *pacer;
	struct redis_batch *scan;
	struct walk_page page;
	bool in_flight; /* the page's commands */
	char cursor[cursor_bytes];
	struct fault fault;
};

struct walk {
	struct fiber_group group;
	bool enough; /* the handler or an error wants no more */
};

double walk_seen(struct slice cursor)
{
	uint64_t value, reversed = 0;

	if (!slice_uint64(cursor, &value))
		return 0;
	for (int bit = 0; bit < 64; bit++)
		reversed |= (value >> bit & 1) << (63 - bit);
	return (double)reversed / 18446744073709551616.0;
}

/* Asks for the page at the cursor. */
static enum error send_scan(struct walker *w)
{
	struct slice argv[6] = {SLICE("SCAN"), slice_str(w->cursor)};
	struct buf count = {0};
	size_t argc = 2;

	redis_batch_clear(w->scan);
	if (w->spec->match.n) {
		argv[argc++] = SLICE("MATCH");
		argv[argc++] = w->spec->match;
	}
	buf_uint(&count, redis_pacer_page(w->pacer));
	argv[argc++] = SLICE("COUNT");
	argv[argc++] = buf_slice(&count);
	redis_batch_add(w->scan, argc, argv);
	buf_release(&count);
	return redis_node_start(w->node, REDIS_BULK, w->scan, &w->fault);
}

/* Waits for the page that was asked for; *ret is the caller's, and the cursor the next one. */
static enum error take_scan(struct walker *w, struct redis_value **ret)
{
	enum error error = redis_batch_wait(w->scan, cache_deadline(w->spec->cache), &w->fault);

	if (!error)
		error = redis_value_error(redis_batch_reply(w->scan, 0), &w->fault);
	if (error)
		return error;
	struct redis_value *reply = redis_batch_take(w->scan, 0);
	struct slice cursor = reply->type == REDIS_ARRAY && reply->count == 2
				      ? redis_value_item(reply, 0)
				      : slice_of("", 0);
	if (cursor.n == 0 || cursor.n >= cursor_bytes || reply->items[1]->type != REDIS_ARRAY) {
		redis_value_free(reply);
		return fault_set(&w->fault, ERR_REDIS_PROTOCOL, "SCAN gave no cursor and names");
	}
	snprintf(w->cursor, sizeof w->cursor, "%.*s", (int)cursor.n, cursor.p);
	*ret = reply;
	return OK;
}

/* Waits for the commands of the last page, and empties it; what was answered counts in any case. */
static enum error settle(struct walker *w, struct fault *fault)
{
	struct walk_page *page = &w->page;
	const struct walk_handler *handler = w->spec->handler;
	enum error error = OK;

	if (w->in_flight) {
		error = redis_batch_wait(page->batch, cache_deadline(w->spec->cache), fault);
		w->in_flight = false;
		enum error refused =
			handler->answered(handler->context, page, error ? NULL : fault);
		error = error ? error : refused;
	}
	redis_batch_clear(page->batch);
	buf_clear(&page->notes);
	return error;
}

/* Shows one page to the handler and sends the commands that it wants. */
static enum error handle_page(struct walker *w, const struct redis_value *names)
{
	struct walk_page *page = &w->page;
	const struct walk_handler *handler = w->spec->handler;
	double seen = walk_seen(slice_str(w->cursor));

	page->names = names;
	page->seen = seen > 0 ? seen : 1;
	if (!handler->page(handler->context, page))
		w->walk->enough = true;
	page->names = NULL;
	if (redis_batch_count(page->batch) == 0)
		return OK;
	enum error error = redis_node_start(w->node, REDIS_BULK, page->batch, &w->fault);
	w->in_flight = !error;
	return error;
}

static bool at_start(const struct walker *w)
{
	return w->cursor[0] == '0' && w->cursor[1] == '\0';
}

static enum error walk_primary(struct walker *w)
{
	struct redis_value *reply = NULL;
	enum error error = send_scan(w);

	while (!error && !w->walk->enough) {
		error = take_scan(w, &reply);
		bool last = error || at_start(w);
		if (!error)
			error = settle(w, &w->fault);
		/*
		 * The page's UNLINKs leave in one write with the next SCAN, but before it: Redis
		 * finds the page's keys in its processor's cache then, and no key is in two pages.
		 */
		if (!error)
			error = handle_page(w, reply->items[1]);
		redis_value_free(reply);
		reply = NULL;
		if (!last && !error)
			error = redis_pacer_pause(w->pacer);
		if (!last && !error && !w->walk->enough)
			error = send_scan(w);
		if (last)
			break;
	}
	enum error settled = settle(w, error ? NULL : &w->fault);

	return error ? error : settled;
}

static void walker_fiber(void *argument)
{
	struct walker *w = argument;

	w->scan = redis_batch_new();
	w->page.batch = redis_batch_new();
	w->page.primary = w->primary;
	w->pacer = redis_pacer_new(w->node, w->spec->max_latency_ms, &w->walk->group);
	snprintf(w->cursor, sizeof w->cursor, "0");
	enum error error = walk_primary(w);
	if (error) {
		w->fault.error = error;
		w->walk->enough = true;
	}
	fiber_cleanup_begin(cleanup_ms);
	redis_pacer_free(w->pacer);
	fiber_cleanup_end();
	redis_batch_free(w->scan);
	redis_batch_free(w->page.batch);
	buf_release(&w->page.notes);
}

/* The walkers' memory is ours: none may be left, whatever happens to this fiber. */
static enum error join_all(struct walk *walk)
{
	enum error error = fiber_group_join(&walk->group, DEADLINE_NONE);

	if (!error)
		return OK;
	fiber_group_cancel(&walk->group);
	while (walk->group.count) {
		fiber_cleanup_begin(cleanup_ms);
		fiber_group_join(&walk->group, DEADLINE_NONE);
		fiber_cleanup_end();
	}
	return error;
}

enum error walk_run(const struct walk_spec *spec, struct fault *fault)
{
	struct redis_node *const *nodes;
	size_t count = redis_store_primaries(spec->cache->store, &nodes);
	struct walker *walkers = mem_array(count, sizeof *walkers);
	struct walk walk = {.enough = false};

	fiber_group_init(&walk.group, "walk", spec->cache->loop);
	for (size_t i = 0; i < count; i++) {
		walkers[i] = (struct walker){
			.spec = spec, .walk = &walk, .node = nodes[i], .primary = i};
		fiber_set_id(
			fiber_spawn(&walk.group, "walk", walker_fiber, &walkers[i]), fiber_id());
	}
	enum error error = join_all(&walk);
	for (size_t i = 0; i < count && !error; i++) {
		error = walkers[i].fault.error;
		if (error && fault)
			*fault = walkers[i].fault;
	}
	mem_free(walkers);
	return error;
}
