/* SPDX-License-Identifier: MIT */
/*
 * What the examples share. Each of them is a whole program:
 *
 *	cc basic_operations.c $(pkg-config --cflags --libs libcachewarden) && REDIS_URL=... ./a.out
 *
 * and ends with what it prints where Redis has none of its keys.
 */
#ifndef EXAMPLE_H
#define EXAMPLE_H

#include <cachewarden/cachewarden.h>
#include <stdio.h>
#include <stdlib.h>

static struct cw_error error;

/* Examples end where something fails; a program of yours has something better to do. */
static inline void must(enum cw_status status)
{
	if (!status)
		return;
	fprintf(stderr, "%s: %s\n", error.code, error.message);
	exit(1);
}

/* The server of the environment's REDIS_URL; `config` may be NULL. */
static inline struct cw_cache *open_cache(const char *config)
{
	struct cw_options options = {0};

	options.config = config;
	struct cw_cache *cache = cw_open(&options, &error);
	if (!cache)
		must(error.status);
	return cache;
}

/* Shows a value, and gives it back. */
static inline void show(const char *what, struct cw_value *value)
{
	static const char *const origins[] = {"hit", "stale", "miss", "bypass"};

	printf("%s: %s (%s)\n", what, value->data, origins[value->origin]);
	cw_value_release(value);
}

#endif
