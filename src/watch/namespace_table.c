/* SPDX-License-Identifier: MIT */
/* Sums by namespace; see namespace_table.h. */
#include "watch/namespace_table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/fnv.h"
#include "base/mem.h"

/* Twice the rows and more, so that a search ends soon. */
enum { index_size = 4096, no_row = UINT16_MAX };

_Static_assert(index_size >= 2 * NAMESPACE_TABLE_MAX, "the index has room");

struct namespace_table *namespace_table_new(void)
{
	struct namespace_table *table = mem_new(struct namespace_table);

	table->rows = mem_array(NAMESPACE_TABLE_MAX, sizeof *table->rows);
	table->index = mem_alloc(index_size * sizeof *table->index);
	memset(table->index, 0xff, index_size * sizeof *table->index);
	return table;
}

static void release_list(struct namespace_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		buf_release(&list->items[i].key);
}

void namespace_table_free(struct namespace_table *table)
{
	if (!table)
		return;
	release_list(&table->biggest);
	release_list(&table->hot);
	release_list(&table->unmatched_names);
	arena_release(&table->names);
	buf_release(&table->name);
	buf_release(&table->wide);
	mem_free(table->index);
	mem_free(table->rows);
	mem_free(table);
}

/* Names that are made to collide cost time, at most a search over all rows. */
static size_t hash(enum namespace_kind kind, struct slice name)
{
	return fnv_add32(FNV_BEGIN32 ^ (uint32_t)kind, name) % index_size;
}

/* Where the row's number is in the index, or where it would be put. */
static size_t place_of(
	const struct namespace_table *table, enum namespace_kind kind, struct slice name)
{
	size_t at = hash(kind, name);

	while (table->index[at] != no_row) {
		const struct namespace_row *row = &table->rows[table->index[at]];

		if (row->kind == kind && slice_equal(row->name, name))
			break;
		at = (at + 1) % index_size;
	}
	return at;
}

static struct namespace_row *get(
	const struct namespace_table *table, enum namespace_kind kind, struct slice name)
{
	uint16_t row = table->index[place_of(table, kind, name)];

	return row == no_row ? NULL : &table->rows[row];
}

/* NULL if there is no room. */
static struct namespace_row *put(
	struct namespace_table *table, enum namespace_kind kind, struct slice name)
{
	struct namespace_row *row = &table->rows[table->count];

	if (table->count == NAMESPACE_TABLE_MAX)
		return NULL;
	table->index[place_of(table, kind, name)] = (uint16_t)table->count++;
	*row = (struct namespace_row){.name = arena_slice(&table->names, name), .kind = kind};
	return row;
}

static void add_sums(struct namespace_sums *to, const struct namespace_sums *from)
{
	to->keys += from->keys;
	to->measured += from->measured;
	to->bytes += from->bytes;
	to->squares += from->squares;
	for (size_t i = 0; i < TTL_CLASSES; i++)
		to->ttl[i] += from->ttl[i];
	to->idle += from->idle;
	to->idle_known += from->idle_known;
}

/* The merged row that a detected name is part of. */
static struct namespace_row *get_merged(
	struct namespace_table *table, struct slice separator, struct slice name)
{
	for (size_t i = 0; table->any_merged && i < NAMESPACE_SEGMENTS; i++) {
		struct namespace_row *row = NULL;

		if (namespace_widen(name, separator, i, &table->wide))
			row = get(table, NAMESPACE_DETECTED, buf_slice(&table->wide));
		if (row && row->merged)
			return row;
	}
	return NULL;
}

/* Rows begin anew without those that were merged (their names are empty). */
static void compact(struct namespace_table *table)
{
	size_t kept = 0;

	memset(table->index, 0xff, index_size * sizeof *table->index);
	for (size_t i = 0; i < table->count; i++) {
		if (!table->rows[i].name.n)
			continue;
		table->rows[kept] = table->rows[i];
		table->index[place_of(table, table->rows[kept].kind, table->rows[kept].name)] =
			(uint16_t)kept;
		kept++;
	}
	table->count = kept;
}

/* Counts, in a table of their own, how many rows have the same name once segment `i` is widened. */
static struct namespace_table *count_wide(
	struct namespace_table *table, struct slice separator, size_t i)
{
	struct namespace_table *wide = namespace_table_new();

	for (size_t at = 0; at < table->count; at++) {
		const struct namespace_row *row = &table->rows[at];

		if (row->kind != NAMESPACE_DETECTED ||
			!namespace_widen(row->name, separator, i, &table->wide))
			continue;
		struct slice name = buf_slice(&table->wide);
		struct namespace_row *group = get(wide, NAMESPACE_DETECTED, name);

		group = group ? group : put(wide, NAMESPACE_DETECTED, name);
		assert(group);
		group->sums.keys++;
	}
	return wide;
}

/* Merges the rows that differ in segment `i` only, where they are many. */
static void merge_segment(struct namespace_table *table, struct slice separator, size_t i)
{
	struct namespace_table *wide = count_wide(table, separator, i);
	size_t count = table->count;
	bool any = false;

	for (size_t at = 0; at < count; at++) {
		struct namespace_row *row = &table->rows[at];

		if (row->kind != NAMESPACE_DETECTED || row->merged ||
			!namespace_widen(row->name, separator, i, &table->wide))
			continue;
		const struct namespace_row *group =
			get(wide, NAMESPACE_DETECTED, buf_slice(&table->wide));

		assert(group);
		if (group->sums.keys <= NAMESPACE_TABLE_MERGE)
			continue;
		struct namespace_row *to = get(table, NAMESPACE_DETECTED, buf_slice(&table->wide));

		if (to) {
			add_sums(&to->sums, &row->sums);
			row->name.n = 0;
		} else {
			/* The first row of a group becomes the merged one. */
			to = row;
			row->name = arena_slice(&table->names, buf_slice(&table->wide));
			table->index[place_of(table, NAMESPACE_DETECTED, row->name)] = (uint16_t)at;
		}
		to->merged = any = true;
	}
	namespace_table_free(wide);
	table->any_merged = table->any_merged || any;
	if (any)
		compact(table);
}

/* Makes room, from the innermost segment on; once only, because it takes a while. */
static void merge(struct namespace_table *table, struct slice separator)
{
	table->full = true;
	for (size_t i = NAMESPACE_SEGMENTS; i-- > 0;)
		if (table->count == NAMESPACE_TABLE_MAX)
			merge_segment(table, separator, i);
}

static struct namespace_row *row_of(struct namespace_table *table, const struct conf *conf,
	enum namespace_kind kind, struct slice name)
{
	struct slice separator = slice_str(conf->sampling.separator);
	struct namespace_row *row = get(table, kind, name);

	if (!row && kind == NAMESPACE_DETECTED)
		row = get_merged(table, separator, name);
	return row;
}

/* The sums that a key of the namespace is added to. */
static struct namespace_sums *sums_of(struct namespace_table *table, const struct conf *conf,
	enum namespace_kind kind, struct slice name)
{
	struct namespace_row *row = row_of(table, conf, kind, name);

	if (!row && table->count == NAMESPACE_TABLE_MAX && !table->full) {
		merge(table, slice_str(conf->sampling.separator));
		row = row_of(table, conf, kind, name);
	}
	if (!row)
		row = put(table, kind, name);
	return row ? &row->sums : &table->overflow;
}

static enum namespace_ttl ttl_class(int64_t ttl_ms)
{
	static const int64_t limits[TTL_CLASSES] = {
		[TTL_MINUTE] = 60, [TTL_HOUR] = 3600, [TTL_DAY] = 86400, [TTL_WEEK] = 7 * 86400};

	if (ttl_ms < 0)
		return TTL_NONE;
	for (enum namespace_ttl i = TTL_MINUTE; i < TTL_LONGER; i++)
		if (ttl_ms <= limits[i] * 1000)
			return i;
	return TTL_LONGER;
}

static void look_into(struct namespace_sums *sums, const struct namespace_look *look)
{
	sums->keys++;
	if (look->bytes >= 0) {
		sums->measured++;
		sums->bytes += (double)look->bytes;
		sums->squares += (double)look->bytes * (double)look->bytes;
	}
	if (look->ttl_ms >= -1)
		sums->ttl[ttl_class(look->ttl_ms)]++;
	if (look->idle_seconds >= 0) {
		sums->idle_known++;
		sums->idle += look->idle_seconds >= NAMESPACE_IDLE_SECONDS;
	}
}

static bool is_listed(const struct namespace_list *list, struct slice key)
{
	for (size_t i = 0; i < list->count; i++)
		if (slice_equal(buf_slice(&list->items[i].key), key))
			return true;
	return false;
}

/* A random key may come twice. */
static void note(struct namespace_list *list, struct slice key, int64_t figure)
{
	size_t at = list->count;
	bool full = list->count == NAMESPACE_TABLE_TOP;

	if ((full && list->items[at - 1].figure >= figure) || is_listed(list, key))
		return;
	if (full)
		at--;
	else
		list->count++;
	struct namespace_name last = list->items[at];

	for (; at > 0 && list->items[at - 1].figure < figure; at--)
		list->items[at] = list->items[at - 1];
	list->items[at] = (struct namespace_name){last.key, figure};
	buf_clear(&list->items[at].key);
	buf_add(&list->items[at].key, key);
}

void namespace_table_begin(struct namespace_table *table, const struct conf *conf)
{
	for (size_t i = 0; i < conf->namespace_count; i++)
		if (!get(table, NAMESPACE_CONFIGURED, conf->namespaces[i].prefix))
			put(table, NAMESPACE_CONFIGURED, conf->namespaces[i].prefix);
}

void namespace_table_know(struct namespace_table *table, const struct conf *conf,
	enum namespace_kind kind, struct slice name)
{
	if (kind != NAMESPACE_UNMATCHED && !row_of(table, conf, kind, name))
		put(table, kind, name);
}

void namespace_table_add(
	struct namespace_table *table, const struct conf *conf, const struct namespace_look *look)
{
	enum namespace_kind kind = namespace_of(conf, look->key, &table->name);
	bool unmatched = kind == NAMESPACE_UNMATCHED;

	look_into(&table->all, look);
	look_into(
		unmatched ? &table->unmatched : sums_of(table, conf, kind, buf_slice(&table->name)),
		look);
	if (unmatched)
		note(&table->unmatched_names, look->key, look->bytes);
	if (kind == NAMESPACE_OWN)
		return;
	if (look->bytes >= 0)
		note(&table->biggest, look->key, look->bytes);
	if (look->frequency > 0)
		note(&table->hot, look->key, look->frequency);
	table->big += look->bytes > NAMESPACE_BIG_BYTES;
}

const struct namespace_row *namespace_table_find(struct namespace_table *table,
	const struct conf *conf, enum namespace_kind kind, struct slice name)
{
	return row_of(table, conf, kind, name);
}

static int by_figure(const void *a, const void *b)
{
	const struct namespace_rank *x = a, *y = b;

	if (x->figure < y->figure || x->figure > y->figure)
		return x->figure < y->figure ? 1 : -1;
	return slice_compare(x->row->name, y->row->name);
}

size_t namespace_table_ranks(
	const struct namespace_table *table, bool by_bytes, struct namespace_rank **ret)
{
	struct namespace_rank *ranks = mem_array(table->count, sizeof *ranks);

	for (size_t i = 0; i < table->count; i++) {
		const struct namespace_row *row = &table->rows[i];

		ranks[i].row = row;
		ranks[i].figure = by_bytes ? row->sums.bytes : (double)row->sums.keys;
	}
	qsort(ranks, table->count, sizeof *ranks, by_figure);
	*ret = ranks;
	return table->count;
}
