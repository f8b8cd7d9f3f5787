/* SPDX-License-Identifier: MIT */
/*
 * Hits and misses by namespace, in bounded memory: one row for each of the first LOOKUPS_MAX
 * namespaces that are met; what is looked up in others is added up in one.
 */
#ifndef CW_CACHE_LOOKUPS_H
#define CW_CACHE_LOOKUPS_H

#include "cache/namespace.h"

enum { LOOKUPS_MAX = 1000 };

struct lookups;

/* Keys in no namespace have kind NAMESPACE_UNMATCHED and no name. */
struct lookups_row {
	enum namespace_kind kind;
	struct slice name;
	bool rest; /* of namespaces without a row; no name */
	double hits, misses;
	double told_hits, told_misses; /* the reader's own: what it has passed on */
};

struct lookups *lookups_new(void);
void lookups_free(struct lookups *lookups); /* may be NULL */
/* A key that was looked up. Numbers below 0 take back what was counted before. */
void lookups_add(
	struct lookups *lookups, const struct conf *conf, struct slice key, int hits, int misses);
/* Adds all counts of another one. */
void lookups_merge(struct lookups *to, struct lookups *from);
/* Multiplies all counts, so that older ones weigh less; rows that come close to 0 are dropped. */
void lookups_fade(struct lookups *lookups, double factor);
/* The row after `row`, NULL = the first; NULL after the last. */
struct lookups_row *lookups_next(struct lookups *lookups, struct lookups_row *row);

#endif
