/* SPDX-License-Identifier: MIT */
/* Adding histograms up; see latency_table.h. */
#include "watch/latency_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static struct latency_row *row_of(struct latency_table *table, struct slice name)
{
	char cut[sizeof table->rows->name];

	snprintf(cut, sizeof cut, "%.*s", (int)(name.n < sizeof cut ? name.n : sizeof cut), name.p);
	for (size_t i = 0; i < table->count; i++)
		if (strcmp(table->rows[i].name, cut) == 0)
			return &table->rows[i];
	if (table->count == LATENCY_COMMANDS)
		return NULL;
	if (table->count == table->cap) {
		table->cap = table->cap ? 2 * table->cap : 32;
		table->rows = mem_realloc(table->rows, table->cap * sizeof *table->rows);
	}
	struct latency_row *row = &table->rows[table->count++];

	*row = (struct latency_row){0};
	memcpy(row->name, cut, sizeof cut);
	return row;
}

/* Buckets are in the order of their bounds. */
static void add_bucket(struct latency_row *row, int64_t bound_us, int64_t count)
{
	size_t at = 0;

	while (at < row->buckets && row->bounds_us[at] < bound_us)
		at++;
	if (at == row->buckets || row->bounds_us[at] != bound_us) {
		if (row->buckets == LATENCY_BUCKETS)
			return;
		size_t behind = (row->buckets - at) * sizeof *row->counts;

		memmove(&row->counts[at + 1], &row->counts[at], behind);
		memmove(&row->bounds_us[at + 1], &row->bounds_us[at], behind);
		row->counts[at] = 0;
		row->bounds_us[at] = bound_us;
		row->buckets++;
	}
	row->counts[at] += count;
}

/* [bound, calls up to it, bound, ...] */
static void add_histogram(struct latency_row *row, const struct redis_value *histogram)
{
	int64_t before = 0;

	for (size_t i = 0; i + 1 < histogram->count; i += 2) {
		const struct redis_value *bound = histogram->items[i],
					 *up_to = histogram->items[i + 1];

		if (bound->type != REDIS_INTEGER || up_to->type != REDIS_INTEGER ||
			bound->integer < 0 || up_to->integer < before)
			return;
		add_bucket(row, bound->integer, up_to->integer - before);
		before = up_to->integer;
	}
}

/* ["calls", n, "histogram_usec", [...]] */
static void add_command(struct latency_row *row, const struct redis_value *figures)
{
	for (size_t i = 0; i + 1 < figures->count; i += 2) {
		struct slice name = redis_value_item(figures, i);
		const struct redis_value *value = figures->items[i + 1];

		if (slice_is(name, "calls") && value->type == REDIS_INTEGER && value->integer > 0)
			row->calls += value->integer;
		else if (slice_is(name, "histogram_usec") && value->type == REDIS_ARRAY)
			add_histogram(row, value);
	}
}

void latency_table_add(struct latency_table *table, const struct redis_value *reply)
{
	for (size_t i = 0; reply->type == REDIS_ARRAY && i + 1 < reply->count; i += 2) {
		struct slice name = redis_value_item(reply, i);

		if (name.n == 0 || reply->items[i + 1]->type != REDIS_ARRAY)
			continue;
		struct latency_row *row = row_of(table, name);

		if (row)
			add_command(row, reply->items[i + 1]);
	}
}

static int by_calls(const void *a, const void *b)
{
	const struct latency_row *x = a, *y = b;

	if (x->calls != y->calls)
		return x->calls < y->calls ? 1 : -1;
	return strcmp(x->name, y->name);
}

void latency_table_sort(struct latency_table *table)
{
	if (table->count)
		qsort(table->rows, table->count, sizeof *table->rows, by_calls);
}

void latency_table_release(struct latency_table *table)
{
	mem_free(table->rows);
}

int64_t latency_quantile_us(const struct latency_row *row, double q)
{
	int64_t all = 0, seen = 0;

	for (size_t i = 0; i < row->buckets; i++)
		all += row->counts[i];
	for (size_t i = 0; i < row->buckets; i++) {
		seen += row->counts[i];
		if ((double)seen >= q * (double)all && seen > 0)
			return row->bounds_us[i];
	}
	return -1;
}
