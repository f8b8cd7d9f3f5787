/* SPDX-License-Identifier: MIT */
/* One fiber per primary, page by page; see scan.h. */
#include "cache/scan.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "redis/info.h"
#include "redis/pacer.h"

enum { cursor_bytes = 24, cleanup_ms = 5000 };

struct scanner {
	const struct scan_spec *spec;
	struct scan *scan;
	struct redis_node *node;
	size_t primary;
	struct redis_pacer *pacer;
	struct redis_batch *names; /* the SCAN */
	struct scan_page page;
	bool in_flight; /* the page's commands */
	char cursor[cursor_bytes];
	struct fault fault;
};

struct scan {
	struct fiber_group group;
	bool enough; /* the handler or an error wants no more */
};

double scan_progress(struct slice cursor)
{
	uint64_t value, reversed = 0;

	if (!slice_uint64(cursor, &value))
		return 0;
	for (int bit = 0; bit < 64; bit++)
		reversed |= (value >> bit & 1) << (63 - bit);
	return (double)reversed / 18446744073709551616.0;
}

/* Asks for the page at the cursor. */
static enum error send_scan(struct scanner *w)
{
	struct slice argv[6] = {SLICE("SCAN"), slice_str(w->cursor)};
	struct buf count = {0};
	size_t argc = 2;

	redis_batch_clear(w->names);
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

/* Waits for the page that was asked for; *ret is the caller's, and the cursor the next one. */
static enum error take_scan(struct scanner *w, struct redis_value **ret)
{
	enum error error = redis_batch_wait(w->names, cache_deadline(w->spec->cache), &w->fault);

	if (!error)
		error = redis_value_error(redis_batch_reply(w->names, 0), &w->fault);
	if (error)
		return error;
	struct redis_value *reply = redis_batch_take(w->names, 0);
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

/* Shows one page to the handler and sends the commands that it wants. */
static enum error handle_page(struct scanner *w, const struct redis_value *names)
{
	struct scan_page *page = &w->page;
	const struct scan_handler *handler = w->spec->handler;
	double seen = scan_progress(slice_str(w->cursor));

	page->names = names;
	page->seen = seen > 0 ? seen : 1;
	if (!handler->page(handler->context, page))
		w->scan->enough = true;
	page->names = NULL;
	if (redis_batch_count(page->batch) == 0)
		return OK;
	/* In a cluster, a key may have moved since it was named. */
	struct redis_store *store = w->spec->cache->store;
	enum error error = redis_store_is_one(store)
				   ? redis_node_start(w->node, REDIS_BULK, page->batch, &w->fault)
				   : redis_store_start(store, REDIS_BULK, page->batch, &w->fault);
	w->in_flight = !error;
	return error;
}

static bool at_start(const struct scanner *w)
{
	return w->cursor[0] == '0' && w->cursor[1] == '\0';
}

static enum error scan_primary(struct scanner *w)
{
	struct redis_value *reply = NULL;
	enum error error = send_scan(w);

	while (!error && !w->scan->enough) {
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
		if (!last && !error && !w->scan->enough)
			error = send_scan(w);
		if (last)
			break;
	}
	enum error settled = settle(w, error ? NULL : &w->fault);

	return error ? error : settled;
}

static void scanner_fiber(void *argument)
{
	struct scanner *w = argument;

	w->names = redis_batch_new();
	w->page.batch = redis_batch_new();
	w->page.primary = w->primary;
	w->pacer = redis_pacer_new(w->node, w->spec->max_latency_ms, &w->scan->group);
	snprintf(w->cursor, sizeof w->cursor, "0");
	enum error error = scan_primary(w);
	if (error) {
		w->fault.error = error;
		w->scan->enough = true;
	}
	fiber_cleanup_begin(cleanup_ms);
	redis_pacer_free(w->pacer);
	fiber_cleanup_end();
	redis_batch_free(w->names);
	redis_batch_free(w->page.batch);
	buf_release(&w->page.notes);
}

/* The scanners' memory is ours: none may be left, whatever happens to this fiber. */
static enum error join_all(struct scan *scan)
{
	enum error error = fiber_group_join(&scan->group, DEADLINE_NONE);

	if (!error)
		return OK;
	fiber_group_cancel(&scan->group);
	while (scan->group.count) {
		fiber_cleanup_begin(cleanup_ms);
		fiber_group_join(&scan->group, DEADLINE_NONE);
		fiber_cleanup_end();
	}
	return error;
}

enum error scan_run(const struct scan_spec *spec, struct fault *fault)
{
	struct redis_node *const *nodes;
	size_t count = redis_store_primaries(spec->cache->store, &nodes);
	struct scanner *scanners = mem_array(count, sizeof *scanners);
	struct scan scan = {.enough = false};

	fiber_group_init(&scan.group, "scan", spec->cache->loop);
	for (size_t i = 0; i < count; i++) {
		scanners[i] = (struct scanner){.spec = spec,
			.scan = &scan,
			.node = redis_node_ref(nodes[i]),
			.primary = i};
		fiber_set_id(
			fiber_spawn(&scan.group, "scan", scanner_fiber, &scanners[i]), fiber_id());
	}
	enum error error = join_all(&scan);
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

enum { sections = 3 };

/* What identifies a server: if it changes during a scan, keys may have been missed. */
struct server {
	char run_id[48], role[16], master_replid[48];
	int64_t flush_calls;
	uint64_t keys;
};

struct scan_snapshot {
	size_t count;
	struct server servers[];
};

/* INFO takes several sections at once only since Redis 7. */
static void add_commands(struct redis_batch *batch)
{
	REDIS_ADD(batch, SLICE("INFO"), SLICE("server"));
	REDIS_ADD(batch, SLICE("INFO"), SLICE("replication"));
	REDIS_ADD(batch, SLICE("INFO"), SLICE("commandstats"));
	REDIS_ADD(batch, SLICE("DBSIZE"));
}

static enum error read_server(
	const struct redis_batch *batch, struct server *ret, struct fault *fault)
{
	struct redis_info info;
	struct buf text = {0};

	for (size_t i = 0; i < sections + 1; i++) {
		const struct redis_value *reply = redis_batch_reply(batch, i);
		enum error error = redis_value_error(reply, fault);

		if (error) {
			buf_release(&text);
			return error;
		}
		if (i < sections)
			buf_add(&text, reply->text);
		else
			ret->keys = (uint64_t)reply->integer;
	}
	redis_info_parse(buf_slice(&text), 0, &info);
	memcpy(ret->run_id, info.run_id, sizeof ret->run_id);
	memcpy(ret->role, info.role, sizeof ret->role);
	memcpy(ret->master_replid, info.master_replid, sizeof ret->master_replid);
	ret->flush_calls = info.flush_calls;
	redis_info_release(&info);
	buf_release(&text);
	return OK;
}

enum error scan_snapshot_take(struct cache *cache, struct scan_snapshot **ret, struct fault *fault)
{
	struct redis_node *const *nodes;
	size_t count = redis_store_primaries(cache->store, &nodes);
	struct scan_snapshot *snapshot =
		mem_zalloc(sizeof *snapshot + count * sizeof *snapshot->servers);
	enum error error = OK;

	struct redis_node **asked = mem_array(count, sizeof(struct redis_node *));

	snapshot->count = count;
	for (size_t i = 0; i < count; i++)
		asked[i] = redis_node_ref(nodes[i]);
	for (size_t i = 0; i < count; i++) {
		struct redis_batch *batch = redis_batch_new();

		add_commands(batch);
		if (!error)
			error = redis_node_run(
				asked[i], REDIS_COMMANDS, batch, cache_deadline(cache), fault);
		if (!error)
			error = read_server(batch, &snapshot->servers[i], fault);
		redis_batch_free(batch);
		redis_node_unref(asked[i]);
	}
	mem_free(asked);
	if (error)
		mem_free(snapshot);
	else
		*ret = snapshot;
	return error;
}

void scan_snapshot_free(struct scan_snapshot *snapshot)
{
	mem_free(snapshot);
}

bool scan_snapshot_equal(const struct scan_snapshot *a, const struct scan_snapshot *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++) {
		const struct server *x = &a->servers[i], *y = &b->servers[i];

		if (strcmp(x->run_id, y->run_id) != 0 || strcmp(x->role, y->role) != 0 ||
			strcmp(x->master_replid, y->master_replid) != 0 ||
			x->flush_calls != y->flush_calls)
			return false;
	}
	return true;
}

uint64_t scan_snapshot_keys(const struct scan_snapshot *snapshot)
{
	uint64_t keys = 0;

	for (size_t i = 0; i < snapshot->count; i++)
		keys += snapshot->servers[i].keys;
	return keys;
}
