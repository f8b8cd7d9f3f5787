/* SPDX-License-Identifier: MIT */
/*
 * The list of operations, newest first: what this process knows, merged with what Redis holds.
 *
 *	own (active, past) --+
 *	                     +--> ids in descending order -> record -> filter -> items
 *	cw:ops, by pages ----+
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "operation/operation_internal.h"
#include "text/json.h"

enum { page_ids = 100, records_at_once = 20, max_examined = 2000 };

struct listing {
	struct operations *operations;
	const struct operations_query *query;
	char (*own)[OPERATION_ID_BYTES + 1]; /* descending */
	size_t own_count, own_at;
	cJSON *items;
	char last[OPERATION_ID_BYTES + 1]; /* examined */
	int64_t taken, examined;
};

static int descending(const void *a, const void *b)
{
	return strcmp(b, a);
}

/* The time window and the cursor, which the id alone decides. */
static bool id_fits(const struct listing *l, const char *id)
{
	const struct operations_query *query = l->query;
	int64_t began = operation_id_wall_ms(id);

	return (query->since_wall_ms < 0 || began >= query->since_wall_ms) &&
	       (query->until_wall_ms < 0 || began <= query->until_wall_ms) &&
	       (query->cursor.n == 0 || slice_compare(slice_str(id), query->cursor) < 0);
}

static void gather_own(struct listing *l)
{
	struct operations *operations = l->operations;

	l->own = mem_array(operations->active_count + operations->past_count, sizeof *l->own);
	for (struct operation *at = operations->active; at; at = at->next)
		if (id_fits(l, at->id))
			memcpy(l->own[l->own_count++], at->id, sizeof at->id);
	for (struct past *at = operations->newest; at; at = at->older)
		if (id_fits(l, at->id))
			memcpy(l->own[l->own_count++], at->id, sizeof at->id);
	qsort(l->own, l->own_count, sizeof *l->own, descending);
}

static bool member_fits(const cJSON *record, const char *name, struct slice wanted)
{
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(record, name));

	return wanted.n == 0 || (text && slice_is(wanted, text));
}

static bool full(const struct listing *l)
{
	return l->taken >= l->query->limit || l->examined >= max_examined;
}

/* Takes the record over; NULL where it has gone. */
static void offer(struct listing *l, const char *id, cJSON *record)
{
	memcpy(l->last, id, sizeof l->last);
	l->examined++;
	if (!record)
		return;
	if (!member_fits(record, "by", l->query->by) ||
		!member_fits(record, "state", l->query->state) ||
		!member_fits(record, "kind", l->query->kind)) {
		cJSON_Delete(record);
		return;
	}
	cJSON_AddItemToArray(l->items, record);
	l->taken++;
}

static cJSON *own_record(struct operations *operations, const char *id)
{
	struct operation *active = active_find(operations, slice_str(id));
	struct past *past = active ? NULL : past_find(operations, slice_str(id));

	if (active)
		return operation_json(active);
	cJSON *record = past ? record_parse(slice_of(past->text, past->n)) : NULL;
	if (record)
		record_finish(record, true);
	return record;
}

/* Offers our own that come before `id` in the order, all of them where it is NULL. */
static void offer_own_before(struct listing *l, const char *id)
{
	while (l->own_at < l->own_count && !full(l)) {
		const char *own = l->own[l->own_at];

		if (id && strcmp(own, id) < 0)
			return;
		offer(l, own, own_record(l->operations, own));
		l->own_at++;
	}
}

static bool is_own(const struct listing *l, const char *id)
{
	return bsearch(id, l->own, l->own_count, sizeof *l->own, descending) != NULL;
}

/* Reads the records of some ids and offers them, our own between them. Parks. */
static enum error offer_stored(
	struct listing *l, char (*ids)[OPERATION_ID_BYTES + 1], size_t count, struct fault *fault)
{
	struct slice argv[records_at_once + 1] = {SLICE("MGET")};
	struct buf keys[records_at_once] = {{0}};
	struct redis_value *reply = NULL;

	for (size_t i = 0; i < count; i++) {
		cache_own_key(l->operations->cache, "op:", slice_str(ids[i]), &keys[i]);
		argv[i + 1] = buf_slice(&keys[i]);
	}
	enum error error = redis_store_call(l->operations->cache->store,
		(struct redis_call){.idempotent = true}, argv[1], count + 1, argv, &reply, fault);
	for (size_t i = 0; i < count; i++)
		buf_release(&keys[i]);
	for (size_t i = 0; !error && i < count && i < reply->count; i++) {
		offer_own_before(l, ids[i]);
		if (full(l))
			break;
		if (reply->items[i]->type == REDIS_STRING)
			offer(l, ids[i], record_view(l->operations, reply->items[i]->text));
	}
	redis_value_free(reply);
	return error;
}

/* The ids of one page that others wrote. */
static size_t foreign_ids(const struct listing *l, const struct redis_value *page,
	char (*ids)[OPERATION_ID_BYTES + 1])
{
	size_t count = 0;

	for (size_t i = 0; i < page->count && count < page_ids; i++) {
		struct slice id = redis_value_item(page, i);

		if (id.n != OPERATION_ID_BYTES)
			continue;
		memcpy(ids[count], id.p, id.n);
		ids[count][id.n] = '\0';
		if (id_fits(l, ids[count]) && !is_own(l, ids[count]))
			count++;
	}
	return count;
}

static enum error read_page(
	struct listing *l, size_t offset, struct redis_value **ret, struct fault *fault)
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
	enum error error = redis_store_command(l->operations->cache->store, buf_slice(&key), ret,
		fault, SLICE("ZREVRANGEBYSCORE"), buf_slice(&key), buf_slice(&max), buf_slice(&min),
		SLICE("LIMIT"), buf_slice(&from), buf_slice(&count));
	buf_release(&key);
	buf_release(&max);
	buf_release(&min);
	buf_release(&from);
	buf_release(&count);
	return error;
}

static enum error walk_pages(struct listing *l, struct fault *fault)
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
	cJSON **ret, struct fault *fault)
{
	struct listing l = {operations, query, .items = cJSON_CreateArray()};

	if (query->cursor.n && query->cursor.n != OPERATION_ID_BYTES) {
		cJSON_Delete(l.items);
		return fault_at(fault, ERR_BAD_PARAMETER, "", "cursor is not one that a list gave");
	}
	gather_own(&l);
	enum error error = walk_pages(&l, fault);
	if (error == ERR_CANCELLED) {
		cJSON_Delete(l.items);
		mem_free(l.own);
		return error;
	}
	/* Whatever Redis has against it, what we know ourselves is shown. */
	offer_own_before(&l, NULL);
	*ret = cJSON_CreateObject();
	cJSON_AddItemToObject(*ret, "items", l.items);
	if (full(&l))
		cJSON_AddStringToObject(*ret, "next", l.last);
	else
		cJSON_AddNullToObject(*ret, "next");
	mem_free(l.own);
	return OK;
}

void operations_each(const struct operations *operations,
	void (*look)(void *context, const struct operation *operation), void *context)
{
	for (const struct operation *at = operations->active; at; at = at->next)
		look(context, at);
}
