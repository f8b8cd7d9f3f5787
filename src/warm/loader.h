/* SPDX-License-Identifier: MIT */
/*
 * Loaders: read-through from a source, by name and parameters.
 *
 *	name, params -> key, tags (templates) -> cache/result: HIT, STALE
 *	                                      -> a load in a fiber of its own -> source -> value
 *
 * The caller waits for the load but does not own it: if the client disconnects, or was given a
 * stale value, the load goes on and its value is stored.
 */
#ifndef CW_WARM_LOADER_H
#define CW_WARM_LOADER_H

#include "cache/result.h"
#include "source/source.h"

enum {
	LOADER_MAX_PARAMS = 16,
	LOADER_MAX_LOADS = 64, /* of one loader at a time; others wait */
	LOADER_MAX_ALL = 1000, /* of all loaders, including those that wait; then ERR_OVERLOADED */
};

struct loaders;

/* All are borrowed. */
struct loaders *loaders_new(struct cache *cache, struct log *log, struct sources *sources);
/* Cancels the loads and waits for their end. Parks. */
void loaders_stop(struct loaders *loaders);
void loaders_free(struct loaders *loaders); /* after loaders_stop(); may be NULL */

/* A request for a value. All are borrowed for the call. */
struct loader_request {
	struct conf *conf; /* the configuration that has `loader` */
	const struct conf_loader *loader;
	const struct slice *values; /* of the loader's params, in their order */
	const struct identity *who;
};

struct loader_result {
	/* HIT, STALE, MISS, BYPASS; with ERR_NO_VALUE: ABSENT if the absence was remembered */
	enum result_state state;
	struct buf value;
	int64_t age_seconds, ttl_ms; /* as in cache/result.h */
};

/*
 * OK: *ret has the value; call loader_result_release() in any case. ERR_NO_VALUE: the source has
 * none; ERR_BAD_PARAMETER: a value that does not fit the key's or a tag's template; the guard's
 * refusals of the key; ERR_SOURCE_FAILED, ERR_SOURCE_ROW (several rows without `many`),
 * ERR_TIMEOUT, ERR_TOO_LARGE, ERR_OVERLOADED. Parks.
 */
enum error loaders_get(struct loaders *loaders, const struct loader_request *request,
	struct loader_result *ret, struct fault *fault);
void loader_result_release(struct loader_result *result);

/* The state of a loader of the configuration; counts are since the start of the process. */
struct loader_state {
	uint64_t running, loads, errors;
	double average_ms;		/* of a load; a moving average, if loads > 0 */
	const struct fault *last_error; /* NULL = none; borrowed until the next turn */
	int64_t last_error_wall_ms;
	struct source_breaker breaker;
};
struct loader_state loaders_state(const struct loaders *loaders, const struct conf_loader *conf);

#endif
