/* SPDX-License-Identifier: MIT */
/*
 * The list of operations, newest first: those of this process, merged with those in Redis.
 *
 *	own (active, past) --+
 *	                     +--> ids in descending order -> record -> filter -> items
 *	cw:ops, by pages ----+
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "operation/operation_internal.h"

enum { page_ids = 100, records_at_once = 20, max_examined = 2000 };

struct operation_listing {
	struct operations *operations;
	const struct operations_query *query;
	char (*own)[OPERATION_ID_BYTES + 1]; /* descending */
	size_t own_count, own_at;
	struct operation_view *items;
	char last[OPERATION_ID_BYTES + 1];  /* examined */
	char below[OPERATION_ID_BYTES + 1]; /* the lowest id of the pages so far; "" = none */
	int64_t taken, examined;
};

static int descending(const void *a, const void *b)
{
	return strcmp(b, a);
}

/* Whether the id, which holds the time of the start, is within times and cursor of the query. */
static bool id_fits(const struct operation_listing *l, const char *id)
{
	const struct operations_query *query = l->query;
	int64_t began = operation_id_wall_ms(id);

	return (query->since_wall_ms < 0 || began >= query->since_wall_ms) &&
	       (query->until_wall_ms < 0 || began <= query->until_wall_ms) &&
	       (query->cursor.n == 0 || slice_compare(slice_str(id), query->cursor) < 0);
}

static void gather_own(struct operation_listing *l)
{
	struct operations *operations = l->operations;

	l->own = mem_array(operations->active_count + operations->past_count, sizeof *l->own);
	for (struct operation *at = operations->active; at; at = at->next)
		if (id_fits(l, at->id))
			memcpy(l->own[l->own_count++], at->id, sizeof at->id);
	for (struct operation_past *at = operations->newest; at; at = at->older)
		if (id_fits(l, at->id))
			memcpy(l->own[l->own_count++], at->id, sizeof at->id);
	qsort(l->own, l->own_count, sizeof *l->own, descending);
}

static bool text_fits(const char *text, struct slice wanted)
{
	return wanted.n == 0 || (text && slice_is(wanted, text));
}

static bool full(const struct operation_listing *l)
{
	return l->taken >= l->query->limit || l->examined >= max_examined;
}

/* `view` is taken over; NULL where there is none with this id any more. */
static void offer(struct operation_listing *l, const char *id, struct operation_view *view)
{
	memcpy(l->last, id, sizeof l->last);
	l->examined++;
	if (!view)
		return;
	if (text_fits(view->by, l->query->by) && text_fits(view->kind, l->query->kind) &&
		text_fits(operation_state_name(view->state), l->query->state) &&
		(!l->query->by_dryness || view->dry_run == l->query->dry_run))
		l->items[l->taken++] = *view;
	else
		operation_view_release(view);
}

static void offer_own(struct operation_listing *l, const char *id)
{
	struct operation_view view;
	bool known = operation_store_own(l->operations, slice_str(id), &view);

	offer(l, id, known ? &view : NULL);
}

/* Offers own operations that are newer than `id`, or all if it is NULL. */
static void offer_own_before(struct operation_listing *l, const char *id)
{
	while (l->own_at < l->own_count && !full(l)) {
		const char *own = l->own[l->own_at];

		if (id && strcmp(own, id) < 0)
			return;
		offer_own(l, own);
		l->own_at++;
	}
}

static bool is_own(const struct operation_listing *l, const char *id)
{
	return bsearch(id, l->own, l->own_count, sizeof *l->own, descending) != NULL;
}

/* Reads the records of some ids and offers them, with own operations in between. Parks. */
static enum error offer_stored(struct operation_listing *l, char (*ids)[OPERATION_ID_BYTES + 1],
	size_t count, struct fault *fault)
{
	struct slice argv[records_at_once + 1] = {SLICE("MGET")};
	struct buf keys[records_at_once] = {{0}};
	struct redis_value *reply = NULL;

	for (size_t i = 0; i < count; i++) {
		cache_own_key(l->operations->cache, "op:", slice_str(ids[i]), &keys[i]);
		argv[i + 1] = buf_slice(&keys[i]);
	}
	enum error error = store_call(l->operations->cache->store,
		(struct redis_call){.idempotent = true}, argv[1], count + 1, argv, &reply, fault);
	for (size_t i = 0; i < count; i++)
		buf_release(&keys[i]);
	for (size_t i = 0; !error && i < count && i < reply->count; i++) {
		offer_own_before(l, ids[i]);
		if (full(l))
			break;
		struct operation_view view;
		if (reply->items[i]->type == REDIS_STRING)
			offer(l, ids[i],
				operation_store_view(l->operations, reply->items[i]->text, &view)
					? &view
					: NULL);
	}
	redis_value_free(reply);
	return error;
}

/*
 * The ids of one page that are not of this process. Operations that have begun since the page
 * before have moved its last ids into this one: only what sorts below them is new.
 */
static size_t foreign_ids(struct operation_listing *l, const struct redis_value *page,
	char (*ids)[OPERATION_ID_BYTES + 1])
{
	size_t count = 0;

	for (size_t i = 0; i < page->count && count < page_ids; i++) {
		struct slice id = redis_value_item(page, i);

		if (id.n != OPERATION_ID_BYTES)
			continue;
		memcpy(ids[count], id.p, id.n);
		ids[count][id.n] = '\0';
		if (*l->below && strcmp(ids[count], l->below) >= 0)
			continue;
		memcpy(l->below, ids[count], sizeof l->below);
		if (id_fits(l, ids[count]) && !is_own(l, ids[count]))
			count++;
	}
	return count;
}

static enum error read_page(
	struct operation_listing *l, size_t offset, struct redis_value **ret, struct fault *fault)
{
	const struct operations_query *query = l->query;
	struct buf key = {0}, max = {0}, min = {0}, from = {0}, count = {0};

	cache_own_key(l->operations->cache, "ops", slice_of("", 0), &key);
	if (query->cursor.n == OPERATION_ID_BYTES)
		buf_int(&max, operation_id_wall_ms(query->cursor.p));
	else if (query->until_wall_ms >= 0)
		buf_int(&max, query->until_wall_ms);
	else
		buf_str(&max, "+inf");
	if (query->since_wall_ms >= 0)
		buf_int(&min, query->since_wall_ms);
	else
		buf_str(&min, "-inf");
	buf_uint(&from, offset);
	buf_uint(&count, page_ids);
	enum error error = store_command(l->operations->cache->store, buf_slice(&key), ret, fault,
		SLICE("ZREVRANGEBYSCORE"), buf_slice(&key), buf_slice(&max), buf_slice(&min),
		SLICE("LIMIT"), buf_slice(&from), buf_slice(&count));
	buf_release(&key);
	buf_release(&max);
	buf_release(&min);
	buf_release(&from);
	buf_release(&count);
	return error;
}

static enum error walk_pages(struct operation_listing *l, struct fault *fault)
{
	char(*ids)[OPERATION_ID_BYTES + 1] = mem_array(page_ids, sizeof *ids);
	enum error error = OK;
	size_t got = page_ids;

	for (size_t offset = 0; !error && got == page_ids && !full(l); offset += page_ids) {
		struct redis_value *page = NULL;

		error = read_page(l, offset, &page, fault);
		if (error)
			break;
		got = page->count;
		size_t count = foreign_ids(l, page, ids);
		redis_value_free(page);
		for (size_t i = 0; i < count && !error && !full(l); i += records_at_once) {
			size_t some = count - i < records_at_once ? count - i : records_at_once;

			error = offer_stored(l, ids + i, some, fault);
		}
	}
	mem_free(ids);
	return error;
}

enum error operations_list(struct operations *operations, const struct operations_query *query,
	struct operations_page *ret, struct fault *fault)
{
	struct operation_listing l = {.operations = operations, .query = query};

	if (query->cursor.n && query->cursor.n != OPERATION_ID_BYTES)
		return fault_at(fault, ERR_BAD_PARAMETER, "", "cursor is not one that a list gave");
	l.items = mem_array((size_t)query->limit, sizeof *l.items);
	gather_own(&l);
	enum error error = walk_pages(&l, fault);
	/* Whatever error Redis gives, the operations of this process are listed. */
	if (error != ERR_CANCELLED)
		offer_own_before(&l, NULL);
	*ret = (struct operations_page){.items = l.items, .count = (size_t)l.taken};
	if (full(&l))
		memcpy(ret->next, l.last, sizeof ret->next);
	mem_free(l.own);
	if (error != ERR_CANCELLED)
		return OK;
	operations_page_release(ret);
	return error;
}

void operations_page_release(struct operations_page *page)
{
	for (size_t i = 0; i < page->count; i++)
		operation_view_release(&page->items[i]);
	mem_free(page->items);
	*page = (struct operations_page){0};
}

void operations_each(const struct operations *operations,
	void (*look)(void *context, struct operation *operation), void *context)
{
	for (struct operation *at = operations->active; at; at = at->next)
		look(context, at);
}
