/* SPDX-License-Identifier: MIT */
/* Names, kinds and help of the figures of INFO; see metric_redis.h. */
#include "base/metric_redis.h"

static const struct {
	const char *name;
	enum metric_kind kind;
	const char *help;
} rows[METRIC_REDIS_COUNT] = {
#define X(name, text, kind, member, help) {text, METRIC_##kind, help},
	METRIC_REDIS_TABLE(X)
#undef X
};

enum metric_redis metric_redis_named(struct slice name)
{
	enum metric_redis figure = 0;

	while (figure < METRIC_REDIS_COUNT && !slice_is(name, rows[figure].name))
		figure++;
	return figure;
}

enum metric_kind metric_redis_kind(enum metric_redis figure)
{
	return rows[figure].kind;
}

const char *metric_redis_name(enum metric_redis figure)
{
	return rows[figure].name;
}

const char *metric_redis_help(enum metric_redis figure)
{
	return rows[figure].help;
}
