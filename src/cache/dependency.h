/* SPDX-License-Identifier: MIT */
/* Dependents of a key: rules of the configuration, one step at a time, and the view of them all. */
#ifndef CW_CACHE_DEPENDENCY_H
#define CW_CACHE_DEPENDENCY_H

#include "base/name_list.h"
#include "cache/cache.h"

/* Receives what the rules give; `rule` is the index in conf->dependencies. Names are borrowed. */
struct dependency_visitor {
	void (*key)(void *context, size_t rule, struct slice key);
	void (*pattern)(void *context, size_t rule, struct slice glob);
	void *context;
};

/* Every rule whose `when` matches the whole key. The same name may come more than once. */
void dependency_visit(
	const struct conf *conf, struct slice key, const struct dependency_visitor *visitor);

enum { DEPENDENCY_MAX_CYCLES = 20 };

/* A rule that matches a key, and what it gives. */
struct dependency_rule {
	size_t index; /* in conf->dependencies */
	struct name_list invalidate, patterns;
};

/* The dependents of a key, as GET /dependencies/{key} shows them. */
struct dependency_view {
	struct name_list dependents, patterns;
	struct dependency_rule *rules;
	size_t rule_count;
	struct redis_value *stored; /* NULL = nothing is stored for the key */
	struct slice *stored_names; /* its names, sorted: views of it */
	size_t stored_count;
	int64_t stored_ttl_ms;				/* -1 = no expiry */
	struct name_list cycles[DEPENDENCY_MAX_CYCLES]; /* each ends with its first name */
	size_t cycle_count;
	bool truncated; /* there are more than 1,000 dependents or patterns */
};

/*
 * The direct dependents of `key`; with `transitive` all of them, and the cycles among them. `cache`
 * NULL: those of the rules alone. ERR_WRONG_TYPE, errors of Redis; nothing to release then. Parks.
 */
enum error dependency_preview(struct cache *cache, const struct conf *conf, struct slice key,
	bool transitive, struct dependency_view *ret, struct fault *fault);
void dependency_view_release(struct dependency_view *view);
/* The direct dependents alone, added to `ret`. Parks. */
enum error dependency_direct(struct cache *cache, const struct conf *conf, struct slice key,
	struct name_list *ret, struct fault *fault);

#endif
