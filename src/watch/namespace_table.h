/* SPDX-License-Identifier: MIT */
/*
 * What a sample of keys has found, by namespace, in fixed memory.
 *
 *	key -> cache/namespace -> one of up to NAMESPACE_TABLE_MAX rows -> sums
 *
 * When the rows are used up, namespaces below a segment that has many values are merged into one,
 * with `*` for that segment (tenant1:users:*, tenant2:users:*, ... -> *:users:*); what still finds
 * no row is added up in `overflow`. In a random sample a namespace with one key of 200 is met
 * before, so it has a row of its own. Keys in no namespace are added up in `unmatched`.
 */
#ifndef CW_WATCH_NAMESPACE_TABLE_H
#define CW_WATCH_NAMESPACE_TABLE_H

#include "base/arena.h"
#include "cache/namespace.h"

enum {
	NAMESPACE_TABLE_MAX = 1000,
	NAMESPACE_TABLE_TOP = 20,   /* keys in each list of names */
	NAMESPACE_TABLE_MERGE = 32, /* more values of a segment are merged, if rows are short */
};

/* Values above this are counted as big. */
#define NAMESPACE_BIG_BYTES (INT64_C(1) << 20)
/* A key that was not accessed for this long is idle. */
#define NAMESPACE_IDLE_SECONDS INT64_C(3600)

/* Up to which remaining lifetime; the last one has no limit, TTL_NONE are keys without TTL. */
enum namespace_ttl { TTL_NONE, TTL_MINUTE, TTL_HOUR, TTL_DAY, TTL_WEEK, TTL_LONGER, TTL_CLASSES };

/* One key of the sample; -1 = not known. */
struct namespace_look {
	struct slice key;
	int64_t bytes;
	int64_t ttl_ms; /* as PTTL answers: -1 = none; -2 = the key is gone, or not known */
	int64_t idle_seconds;
	int64_t frequency; /* the LFU counter, 0 to 255 */
};

/* Sums over keys of the sample. */
struct namespace_sums {
	uint64_t keys;
	uint64_t measured; /* of them, with known bytes */
	double bytes, squares;
	uint64_t ttl[TTL_CLASSES];
	uint64_t idle, idle_known;
};

struct namespace_row {
	struct slice name;
	enum namespace_kind kind;
	bool merged;
	struct namespace_sums sums;
};

/* A key in a list of names, the highest figure first. */
struct namespace_name {
	struct buf key;
	int64_t figure;
};

struct namespace_list {
	struct namespace_name items[NAMESPACE_TABLE_TOP];
	size_t count;
};

struct namespace_table {
	struct arena names;
	struct namespace_row *rows; /* NAMESPACE_TABLE_MAX */
	size_t count;
	uint16_t *index; /* of rows, by their names' hashes */
	bool any_merged, full;
	struct namespace_sums all, unmatched, overflow;
	struct namespace_list biggest, hot, unmatched_names;
	uint64_t big;	       /* keys above NAMESPACE_BIG_BYTES */
	struct buf name, wide; /* scratch */
};

struct namespace_table *namespace_table_new(void);
void namespace_table_free(struct namespace_table *table); /* may be NULL */
/* A row for each configured prefix, though the sample may not meet it. */
void namespace_table_begin(struct namespace_table *table, const struct conf *conf);
/* A row for a namespace that is known from elsewhere, if it has none and there is room. */
void namespace_table_know(struct namespace_table *table, const struct conf *conf,
	enum namespace_kind kind, struct slice name);
/* Adds a key, whose name is copied where it is kept. */
void namespace_table_add(
	struct namespace_table *table, const struct conf *conf, const struct namespace_look *look);
/* A row and the figure by which it is ordered. */
struct namespace_rank {
	const struct namespace_row *row;
	double figure;
};
/*
 * The rows in the order of their keys, or of their bytes, the most first; rows that are equal in
 * the order of their names. Returns their count; *ret belongs to the caller (mem_free), and the
 * rows to the table, which must not change.
 */
size_t namespace_table_ranks(
	const struct namespace_table *table, bool by_bytes, struct namespace_rank **ret);
/* The row of a namespace, or the merged one that it is part of; NULL if there is none. */
const struct namespace_row *namespace_table_find(struct namespace_table *table,
	const struct conf *conf, enum namespace_kind kind, struct slice name);

#endif
