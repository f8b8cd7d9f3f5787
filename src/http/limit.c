/* SPDX-License-Identifier: MIT */
/* The generic cell rate algorithm; see limit.h. */
#include "http/limit.h"

#include <string.h>
#include <uthash.h>

#include "base/mem.h"
#include "conf/conf.h"

enum { second_ns = 1000000000 };

bool limit_take(
	struct limit *limit, int64_t interval_ns, int64_t burst, int64_t now_ns, int *ret_wait_s)
{
	int64_t from = limit->full_at_ns > now_ns ? limit->full_at_ns : now_ns;
	int64_t wait_ns = from + interval_ns - burst * interval_ns - now_ns;

	if (wait_ns > 0) {
		if (ret_wait_s)
			*ret_wait_s = (int)(1 + (wait_ns - 1) / second_ns);
		return false;
	}
	limit->full_at_ns = from + interval_ns;
	return true;
}

bool limit_idle(const struct limit *limit, int64_t now_ns)
{
	return limit->full_at_ns <= now_ns;
}

struct named_limit {
	char *name;
	struct limit limit;
	UT_hash_handle hh;
};

struct limits {
	struct named_limit *table;
};

struct limits *limits_new(void)
{
	return mem_new(struct limits);
}

static void forget(struct limits *limits, struct named_limit *named)
{
	HASH_DEL(limits->table, named);
	mem_free(named->name);
	mem_free(named);
}

void limits_free(struct limits *limits)
{
	if (!limits)
		return;
	while (limits->table)
		forget(limits, limits->table);
	mem_free(limits);
}

struct limit *limits_of(struct limits *limits, const char *name)
{
	struct named_limit *named;

	HASH_FIND_STR(limits->table, name, named);
	if (!named) {
		named = mem_new(struct named_limit);
		named->name = mem_strdup(name);
		HASH_ADD_KEYPTR(hh, limits->table, named->name, strlen(named->name), named);
	}
	return &named->limit;
}

static bool is_known(const struct conf *conf, const char *name)
{
	for (size_t i = 0; i < conf->token_count; i++)
		if (strcmp(conf->tokens[i].name, name) == 0)
			return true;
	return false;
}

void limits_prune(struct limits *limits, const struct conf *conf)
{
	struct named_limit *named, *next;

	HASH_ITER(hh, limits->table, named, next)
	if (!is_known(conf, named->name))
		forget(limits, named);
}
