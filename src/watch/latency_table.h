/* SPDX-License-Identifier: MIT */
/* The replies to LATENCY HISTOGRAM of several servers, added up by command. */
#ifndef CW_WATCH_LATENCY_TABLE_H
#define CW_WATCH_LATENCY_TABLE_H

#include "redis/value.h"

/* More commands than Redis has; more buckets than its powers of two. */
enum { LATENCY_COMMANDS = 600, LATENCY_BUCKETS = 40 };

struct latency_row {
	char name[48]; /* "get", "config|get"; longer ones are cut */
	int64_t calls;
	/* How many calls took so many microseconds at most, and longer than the bucket before. */
	int64_t counts[LATENCY_BUCKETS];
	int64_t bounds_us[LATENCY_BUCKETS];
	size_t buckets;
};

struct latency_table {
	struct latency_row *rows;
	size_t count, cap;
};

/* Adds a reply; parts that have another form are ignored. A zeroed table is empty. */
void latency_table_add(struct latency_table *table, const struct redis_value *reply);
/* By calls, the most first. */
void latency_table_sort(struct latency_table *table);
void latency_table_release(struct latency_table *table);
/* The upper bound of the bucket that the quantile q (0 to 1) is in, microseconds; -1 = no calls. */
int64_t latency_quantile_us(const struct latency_row *row, double q);

#endif
