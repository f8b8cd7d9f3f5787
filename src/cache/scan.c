/* SPDX-License-Identifier: MIT */
/* One fiber per primary, page by page; see scan.h. */
#include "cache/scan_internal.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

enum { cleanup_ms = 5000 };

double scan_progress(struct slice cursor)
{
	uint64_t value, reversed = 0;

	if (!slice_uint64(cursor, &value))
		return 0;
	for (int bit = 0; bit < 64; bit++)
		reversed |= (value >> bit & 1) << (63 - bit);
	return (double)reversed / 18446744073709551616.0;
}

void scan_found(struct scanner *w, struct redis_value *name)
{
	if (w->found.count == w->cap) {
		w->cap = w->cap ? 2 * w->cap : 512;
		w->found.items = mem_realloc(w->found.items, w->cap * sizeof(struct redis_value *));
	}
	w->found.items[w->found.count++] = name;
}

/* Asks for the page at the cursor. */
static enum error send_scan(struct scanner *w)
{
	struct slice argv[6] = {SLICE("SCAN"), slice_str(w->cursor)};
	struct buf count = {0};
	size_t argc = 2;

	if (w->spec->match.n) {
		argv[argc++] = SLICE("MATCH");
		argv[argc++] = w->spec->match;
	}
	buf_uint(&count, redis_pacer_page(w->pacer));
	argv[argc++] = SLICE("COUNT");
	argv[argc++] = buf_slice(&count);
	redis_batch_add(w->names, argc, argv);
	buf_release(&count);
	return redis_node_start(w->node, REDIS_BULK, w->names, &w->fault);
}

static bool at_start(const struct scanner *w)
{
	return w->cursor[0] == '0' && w->cursor[1] == '\0';
}

/* Takes the page that was asked for: the names found, and the next cursor. */
static enum error take_scan(struct scanner *w, bool *ret_last)
{
	const struct redis_value *reply = redis_batch_reply(w->names, 0);
	struct slice cursor = redis_value_item(reply, 0);
	enum error error = redis_value_error(reply, &w->fault);

	if (error)
		return error;
	if (reply->type != REDIS_ARRAY || reply->count != 2 || cursor.n == 0 ||
		cursor.n >= SCAN_CURSOR_BYTES || reply->items[1]->type != REDIS_ARRAY)
		return fault_set(&w->fault, ERR_REDIS_PROTOCOL, "SCAN gave no cursor and names");
	const struct redis_value *names = reply->items[1];

	if (w->slots && scan_slots_decide(w, names))
		return OK;
	snprintf(w->cursor, sizeof w->cursor, "%.*s", (int)cursor.n, cursor.p);
	*ret_last = at_start(w);
	if (w->slots)
		scan_slots_filter(w, names);
	for (size_t i = 0; i < names->count && !w->slots; i++)
		scan_found(w, names->items[i]);
	w->page.seen = *ret_last ? 1 : scan_progress(slice_str(w->cursor));
	return OK;
}

/* Asks for the next page. */
static enum error send_page(struct scanner *w)
{
	redis_batch_clear(w->names);
	return w->by_slot ? scan_slots_send(w) : send_scan(w);
}

/* Waits for it. */
static enum error take_page(struct scanner *w, bool *ret_last)
{
	enum error error = redis_batch_wait(w->names, cache_deadline(w->spec->cache), &w->fault);

	w->found.count = 0;
	if (error)
		return error;
	return w->by_slot ? scan_slots_take(w, ret_last) : take_scan(w, ret_last);
}

/* Waits for the commands of the last page, and empties it; what was answered counts in any case. */
static enum error settle(struct scanner *w, struct fault *fault)
{
	struct scan_page *page = &w->page;
	const struct scan_handler *handler = w->spec->handler;
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

/* Shows the page to the handler and sends the commands that it wants. */
static enum error handle_page(struct scanner *w)
{
	struct scan_page *page = &w->page;
	const struct scan_handler *handler = w->spec->handler;

	w->seen += w->found.count;
	page->names = &w->found;
	if (!handler->page(handler->context, page))
		w->scan->enough = true;
	page->names = NULL;
	if (redis_batch_count(page->batch) == 0)
		return OK;
	/* In a cluster, a key may have moved since it was named. */
	struct store *store = w->spec->cache->store;
	enum error error = store_is_one(store)
				   ? redis_node_start(w->node, REDIS_BULK, page->batch, &w->fault)
				   : store_start(store, REDIS_BULK, page->batch, &w->fault);
	w->in_flight = !error;
	return error;
}

static enum error scan_primary(struct scanner *w)
{
	enum error error = send_page(w);
	bool last = false;

	while (!error && !last && !w->scan->enough) {
		error = take_page(w, &last);
		if (!error)
			error = settle(w, &w->fault);
		/*
		 * The page's UNLINKs leave in one write with the next SCAN, but before it: Redis
		 * finds the page's keys in its processor's cache then, and no key is in two pages.
		 */
		if (!error)
			error = handle_page(w);
		if (!last && !error)
			error = redis_pacer_pause(w->pacer);
		if (!last && !error && !w->scan->enough)
			error = send_page(w);
	}
	enum error settled = settle(w, error ? NULL : &w->fault);

	if (!error && !settled && w->slots && !w->scan->enough)
		error = scan_slots_end(w);
	return error ? error : settled;
}

/* Of a cluster: the others go on, and the caller is told which slots were not seen. */
static bool leaves_slots(struct scanner *w, enum error error)
{
	enum error_redis kind = error_redis(error);

	if (!w->slots || (kind != ERROR_REDIS_NO_ANSWER && kind != ERROR_REDIS_NOT_SERVING))
		return false;
	for (size_t i = 0; i < w->list->count; i++)
		slot_set_add(&w->slots->unseen, w->list->slots[i]);
	log_debug(w->spec->cache->log, "the scan of %s ends: %s", redis_node_name(w->node),
		w->fault.detail);
	return true;
}

static void scanner_fiber(void *argument)
{
	struct scanner *w = argument;

	w->names = redis_batch_new();
	w->page.batch = redis_batch_new();
	w->page.primary = w->primary;
	w->found.type = REDIS_ARRAY;
	w->first = true;
	w->pacer = redis_pacer_new(w->node, w->spec->max_latency_ms, &w->scan->group);
	snprintf(w->cursor, sizeof w->cursor, "0");
	enum error error = scan_primary(w);
	if (error && !leaves_slots(w, error)) {
		w->fault.error = error;
		w->scan->enough = true;
	} else {
		w->fault.error = OK;
	}
	fiber_cleanup_begin(cleanup_ms);
	redis_pacer_free(w->pacer);
	fiber_cleanup_end();
	redis_batch_free(w->names);
	mem_free(w->found.items);
	redis_batch_free(w->page.batch);
	buf_release(&w->page.notes);
}

void scan_start(struct scanner *w)
{
	fiber_set_id(fiber_spawn(&w->scan->group, "scan", scanner_fiber, w), fiber_id());
}

/* The scanners' memory is ours: none may be left, whatever happens to this fiber. */
enum error scan_join(struct scan *scan)
{
	enum error error = fiber_group_join(&scan->group, DEADLINE_NONE);

	fiber_group_stop(&scan->group);
	return error;
}

enum error scan_run(const struct scan_spec *spec, struct fault *fault)
{
	struct redis_node *const *nodes;
	size_t count = store_primaries(spec->cache->store, &nodes);
	struct scanner *scanners = mem_array(count, sizeof *scanners);
	struct scan scan = {.enough = false};

	fiber_group_init(&scan.group, "scan", spec->cache->loop);
	for (size_t i = 0; i < count; i++) {
		scanners[i] = (struct scanner){.spec = spec,
			.scan = &scan,
			.node = redis_node_ref(nodes[i]),
			.primary = i};
		scan_start(&scanners[i]);
	}
	enum error error = scan_join(&scan);
	for (size_t i = 0; i < count && !error; i++) {
		error = scanners[i].fault.error;
		if (error && fault)
			*fault = scanners[i].fault;
	}
	for (size_t i = 0; i < count; i++)
		redis_node_unref(scanners[i].node);
	mem_free(scanners);
	return error;
}
