/* SPDX-License-Identifier: MIT */
/* Rates by token name: several rows of one name (a rotation) share one limit. */
#include <string.h>
#include <uthash.h>

#include "base/mem.h"
#include "http/private.h"

struct entry {
	char *name;
	struct limit limit;
	UT_hash_handle hh;
};

struct token_limits {
	struct entry *table;
};

struct token_limits *token_limits_new(void)
{
	return mem_new(struct token_limits);
}

static void forget(struct token_limits *limits, struct entry *entry)
{
	HASH_DEL(limits->table, entry);
	mem_free(entry->name);
	mem_free(entry);
}

void token_limits_free(struct token_limits *limits)
{
	if (!limits)
		return;
	while (limits->table)
		forget(limits, limits->table);
	mem_free(limits);
}

struct limit *token_limit(struct token_limits *limits, const char *name)
{
	struct entry *entry;

	HASH_FIND_STR(limits->table, name, entry);
	if (!entry) {
		entry = mem_new(struct entry);
		entry->name = mem_strdup(name);
		HASH_ADD_KEYPTR(hh, limits->table, entry->name, strlen(entry->name), entry);
	}
	return &entry->limit;
}

static bool is_known(const struct conf *conf, const char *name)
{
	for (size_t i = 0; i < conf->token_count; i++)
		if (strcmp(conf->tokens[i].name, name) == 0)
			return true;
	return false;
}

void token_limits_prune(struct token_limits *limits, const struct conf *conf)
{
	struct entry *entry, *next;

	HASH_ITER(hh, limits->table, entry, next)
	if (!is_known(conf, entry->name))
		forget(limits, entry);
}
