/* SPDX-License-Identifier: MIT */
/* Adding up lookups by the rows of a sample; see lookup_sums.h. */
#include "watch/lookup_sums.h"

#include "base/mem.h"
#include "base/metric.h"

static void add(struct lookup_sum *to, const struct lookups_row *from)
{
	to->hits += from->hits;
	to->misses += from->misses;
}

void lookup_sums_init(
	struct lookup_sums *sums, const struct namespace_sample *sample, struct lookups *lookups)
{
	struct namespace_table *table = sample->table;

	*sums = (struct lookup_sums){.rows = mem_array(table->count, sizeof *sums->rows)};
	for (struct lookups_row *row = lookups ? lookups_next(lookups, NULL) : NULL; row;
		row = lookups_next(lookups, row)) {
		const struct namespace_row *found =
			row->kind == NAMESPACE_UNMATCHED
				? NULL
				: namespace_table_find(table, sample->conf, row->kind, row->name);

		if (found)
			add(&sums->rows[found - table->rows], row);
		else if (row->kind == NAMESPACE_UNMATCHED && !row->rest)
			add(&sums->unmatched, row);
		else
			add(&sums->rest, row);
	}
}

void lookup_sums_release(struct lookup_sums *sums)
{
	mem_free(sums->rows);
}

static void tell(
	struct metrics *metrics, const char *name, const char *result, double now, double *told)
{
	if (now > *told)
		metric_add(
			metrics, METRIC_NAMESPACE_LOOKUPS, name, result, (uint64_t)(now - *told));
	*told = now;
}

void lookup_sums_publish(struct metrics *metrics, struct lookups *lookups)
{
	for (struct lookups_row *row = lookups_next(lookups, NULL); row;
		row = lookups_next(lookups, row)) {
		char *name;

		if (row->hits <= row->told_hits && row->misses <= row->told_misses)
			continue;
		name = row->rest			  ? mem_strdup("other")
		       : row->kind == NAMESPACE_UNMATCHED ? mem_strdup("unmatched")
							  : slice_dup(row->name);
		tell(metrics, name, "hit", row->hits, &row->told_hits);
		tell(metrics, name, "miss", row->misses, &row->told_misses);
		mem_free(name);
	}
}
