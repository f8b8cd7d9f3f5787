/* SPDX-License-Identifier: MIT */
/* A table of counts by namespace; see lookups.h. */
#include "cache/lookups.h"

#include <uthash.h>

#include "base/mem.h"

/* A row whose counts are below is of no use to a rate. */
static const double forgotten = 0.5;

struct counted {
	struct lookups_row row; /* first: its address is that of the whole */
	char *key;		/* the kind and the name */
	UT_hash_handle hh;
};

struct lookups {
	struct counted *rows;
	struct lookups_row rest;
	struct buf name, key; /* scratch */
};

struct lookups *lookups_new(void)
{
	struct lookups *lookups = mem_new(struct lookups);

	lookups->rest.kind = NAMESPACE_UNMATCHED;
	lookups->rest.rest = true;
	return lookups;
}

static void drop(struct lookups *lookups, struct counted *counted)
{
	HASH_DEL(lookups->rows, counted);
	mem_free(counted->key);
	mem_free(counted);
}

void lookups_free(struct lookups *lookups)
{
	struct counted *counted, *next;

	if (!lookups)
		return;
	HASH_ITER(hh, lookups->rows, counted, next)
	drop(lookups, counted);
	buf_release(&lookups->name);
	buf_release(&lookups->key);
	mem_free(lookups);
}

static struct lookups_row *row_of(
	struct lookups *lookups, enum namespace_kind kind, struct slice name)
{
	struct counted *counted;

	buf_clear(&lookups->key);
	buf_char(&lookups->key, (char)kind);
	buf_add(&lookups->key, name);
	HASH_FIND(hh, lookups->rows, lookups->key.p, lookups->key.n, counted);
	if (counted)
		return &counted->row;
	if (HASH_COUNT(lookups->rows) >= LOOKUPS_MAX)
		return &lookups->rest;
	counted = mem_new(struct counted);
	counted->key = slice_dup(buf_slice(&lookups->key));
	counted->row = (struct lookups_row){
		.kind = kind, .name = slice_of(counted->key + 1, lookups->key.n - 1)};
	HASH_ADD_KEYPTR(hh, lookups->rows, counted->key, lookups->key.n, counted);
	return &counted->row;
}

void lookups_add(
	struct lookups *lookups, const struct conf *conf, struct slice key, int hits, int misses)
{
	enum namespace_kind kind = namespace_of(conf, key, &lookups->name);
	struct lookups_row *row = row_of(lookups, kind, buf_slice(&lookups->name));

	row->hits += hits;
	row->misses += misses;
}

void lookups_merge(struct lookups *to, struct lookups *from)
{
	struct lookups_row *row = NULL;

	while ((row = lookups_next(from, row))) {
		struct lookups_row *sum = row->rest ? &to->rest : row_of(to, row->kind, row->name);

		sum->hits += row->hits;
		sum->misses += row->misses;
	}
}

void lookups_fade(struct lookups *lookups, double factor)
{
	struct counted *counted, *next;

	lookups->rest.hits *= factor;
	lookups->rest.misses *= factor;
	HASH_ITER(hh, lookups->rows, counted, next)
	{
		counted->row.hits *= factor;
		counted->row.misses *= factor;
		if (counted->row.hits + counted->row.misses < forgotten)
			drop(lookups, counted);
	}
}

struct lookups_row *lookups_next(struct lookups *lookups, struct lookups_row *row)
{
	struct counted *counted = (struct counted *)row;

	if (row == &lookups->rest)
		return NULL;
	counted = row ? counted->hh.next : lookups->rows;
	return counted ? &counted->row : &lookups->rest;
}
