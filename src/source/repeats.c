/* SPDX-License-Identifier: MIT */
/* Detecting pages that never end; see repeats.h. */
#include "source/repeats.h"

#include "source/transport.h"

void repeats_row(struct repeats *repeats, const struct source_row *row)
{
	repeats->rows++;
	if (row->kind == ROW_JSON)
		transport_hash(&repeats->hash, row->json.text);
	for (size_t i = 0; row->kind == ROW_CSV && i < row->count; i++)
		transport_hash(&repeats->hash, row->cells[i]);
}

enum error repeats_page(
	struct repeats *repeats, const struct conf_source *conf, uint64_t all, struct fault *fault)
{
	bool same = repeats->rows && all == repeats->before_all &&
		    repeats->rows == repeats->before_rows && repeats->hash == repeats->before_hash;

	/* Numbered pages end with one without rows. */
	if (!conf->paged || (!all && conf->pages_by == PAGES_NUMBERED))
		return OK;
	repeats->pages++;
	if (same)
		return fault_set(fault, ERR_SOURCE_FAILED,
			"page %lld holds the same rows as the page before: the server ignores the "
			"page's number, or repeats its last page",
			(long long)(conf->page_from + repeats->pages - 1));
	if (repeats->pages > conf->pages_max)
		return fault_set(fault, ERR_SOURCE_FAILED,
			"more than %lld pages have rows: see pages.max",
			(long long)conf->pages_max);
	repeats->before_all = all;
	repeats->before_rows = repeats->rows;
	repeats->before_hash = repeats->hash;
	repeats->rows = repeats->hash = 0;
	return OK;
}
