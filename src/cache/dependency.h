/* SPDX-License-Identifier: MIT */
/* Dependents of a key: rules of the configuration, one step at a time, and the view of them all. */
#ifndef CW_CACHE_DEPENDENCY_H
#define CW_CACHE_DEPENDENCY_H

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

/*
 * For GET /dependencies/{key}, as JSON that the caller owns: the direct dependents of `key`, those
 * that are stored (null where nothing is), and the rules that match. With `transitive` all
 * dependents, direct or not, and the cycles. `cache` NULL: the rules alone. ERR_WRONG_TYPE, errors
 * of Redis. Parks.
 */
enum error dependency_preview(struct cache *cache, const struct conf *conf, struct slice key,
	bool transitive, cJSON **ret, struct fault *fault);
/* `dependents` of the view alone, without `transitive`: an array of names. Parks. */
enum error dependency_direct(struct cache *cache, const struct conf *conf, struct slice key,
	cJSON **ret, struct fault *fault);

#endif
