/* SPDX-License-Identifier: MIT */
/*
 * One step of SCAN, on one server or over the primaries of a cluster, one after the other.
 *
 *	63                    24 23           10 9       0
 *	| the server's cursor   | which servers | place |     a cursor of a cluster
 *
 * The primaries are in the order of their names, and the middle is a hash of these: after a server
 * has come or gone, a list begins again, because keys may have moved behind its back.
 */
#include <stdlib.h>
#include <string.h>

#include "api/keys.h"
#include "base/fnv.h"
#include "base/mem.h"

enum {
	place_bits = 10,
	set_bits = 14,
	cursor_bits = 64 - place_bits - set_bits,
};

/* The primaries of this moment. */
struct servers {
	struct redis_node **nodes;
	size_t count;
	uint64_t set; /* set_bits of a hash */
};

static int by_name(const void *a, const void *b)
{
	return strcmp(redis_node_name(*(struct redis_node *const *)a),
		redis_node_name(*(struct redis_node *const *)b));
}

static void look(struct cache *cache, struct servers *ret)
{
	struct redis_node *const *nodes;
	uint32_t hash = FNV_BEGIN32;

	ret->count = store_primaries(cache->store, &nodes);
	ret->nodes = mem_array(ret->count, sizeof(struct redis_node *));
	for (size_t i = 0; i < ret->count; i++)
		ret->nodes[i] = redis_node_ref(nodes[i]);
	qsort(ret->nodes, ret->count, sizeof(struct redis_node *), by_name);
	for (size_t i = 0; i < ret->count; i++)
		hash = fnv_add32(hash, slice_str(redis_node_name(ret->nodes[i])));
	ret->set = (hash ^ hash >> set_bits) & ((1U << set_bits) - 1);
}

static void release(struct servers *servers)
{
	for (size_t i = 0; i < servers->count; i++)
		redis_node_unref(servers->nodes[i]);
	mem_free(servers->nodes);
}

static void put_cursor(
	const struct servers *servers, size_t place, uint64_t cursor, struct buf *next)
{
	if (!cursor && ++place == servers->count)
		return;
	buf_uint(next, cursor << (place_bits + set_bits) | servers->set << place_bits | place);
}

/* Names and the server's cursor in the reply. */
static enum error check(const struct redis_value *page, uint64_t *ret_cursor, struct fault *fault)
{
	enum error error = redis_value_error(page, fault);

	if (error)
		return error;
	if (page->type == REDIS_ARRAY && page->count == 2 && page->items[1]->type == REDIS_ARRAY &&
		slice_uint64(redis_value_item(page, 0), ret_cursor))
		return OK;
	return fault_set(fault, ERR_REDIS_PROTOCOL, "the reply to SCAN is not one of SCAN");
}

/* Parks. */
static enum error scan_one(struct cache *cache, struct redis_node *node,
	const struct keys_scan *scan, struct slice cursor, struct redis_value **ret,
	struct fault *fault)
{
	struct redis_batch *batch = redis_batch_new();
	char digits[SLICE_INT_ROOM];
	struct slice argv[6] = {SLICE("SCAN"), cursor, SLICE("COUNT"),
		slice_of_int(digits, scan->count), SLICE("MATCH"), scan->match};

	redis_batch_add(batch, scan->match.p ? 6 : 4, argv);
	enum error error =
		redis_node_run(node, scan->priority, batch, cache_deadline(cache), fault);
	if (error == ERR_REDIS_UNKNOWN_OUTCOME) {
		redis_batch_clear(batch);
		redis_batch_add(batch, scan->match.p ? 6 : 4, argv);
		error = redis_node_run(node, scan->priority, batch, cache_deadline(cache), fault);
	}
	*ret = error ? NULL : redis_batch_take(batch, 0);
	redis_batch_free(batch);
	return error;
}

static enum error find_place(const struct servers *servers, uint64_t number, size_t *ret_place,
	uint64_t *ret_cursor, struct fault *fault)
{
	uint64_t set = number >> place_bits & ((1U << set_bits) - 1);

	*ret_place = number & ((1U << place_bits) - 1);
	*ret_cursor = number >> (place_bits + set_bits);
	if (number && (set != servers->set || *ret_place >= servers->count))
		return fault_set(fault, ERR_BAD_PARAMETER,
			"the servers of the cluster have changed since the page that this cursor "
			"is from: begin again without one");
	return OK;
}

/* Parks. */
static enum error scan_cluster(struct cache *cache, const struct keys_scan *scan,
	struct redis_value **ret, struct buf *next, struct fault *fault)
{
	uint64_t number = 0, cursor;
	struct servers servers;
	struct buf text = {0};
	size_t place;

	slice_uint64(scan->cursor, &number);
	look(cache, &servers);
	enum error error = find_place(&servers, number, &place, &cursor, fault);
	buf_uint(&text, cursor);
	if (!error)
		error = scan_one(cache, servers.nodes[place], scan, buf_slice(&text), ret, fault);
	if (!error)
		error = check(*ret, &cursor, fault);
	if (!error && cursor >> cursor_bits)
		error = fault_set(fault, ERR_REDIS_PROTOCOL,
			"a server's cursor is too large for a list over a cluster");
	if (!error)
		put_cursor(&servers, place, cursor, next);
	buf_release(&text);
	release(&servers);
	return error;
}

enum error keys_scan(struct cache *cache, const struct keys_scan *scan, struct redis_value **ret,
	struct buf *next, struct fault *fault)
{
	struct redis_node *const *nodes;
	uint64_t cursor = 0;
	enum error error;

	*ret = NULL;
	buf_clear(next);
	if (!store_is_one(cache->store)) {
		error = scan_cluster(cache, scan, ret, next, fault);
	} else {
		store_primaries(cache->store, &nodes);
		error = scan_one(cache, nodes[0], scan, scan->cursor, ret, fault);
		if (!error)
			error = check(*ret, &cursor, fault);
		if (cursor)
			buf_uint(next, cursor);
	}
	if (error) {
		redis_value_free(*ret);
		*ret = NULL;
	}
	return error;
}
