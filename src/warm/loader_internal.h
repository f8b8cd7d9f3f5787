/* SPDX-License-Identifier: MIT */
/* What the files of loaders share: one call, and what is known of each loader. */
#ifndef CW_WARM_LOADER_INTERNAL_H
#define CW_WARM_LOADER_INTERNAL_H

#include <uthash.h>

#include "base/arena.h"
#include "warm/loader.h"

/* What is known of one loader, by its name; kept over reloads. */
struct loader {
	UT_hash_handle hh;
	size_t running;
	struct fiber_cond room; /* for who waits to run */
	uint64_t loads, errors;
	double usual_ms; /* moving average of what loads took; 0 = none yet */
	struct fault last_error;
	int64_t last_error_wall_ms;
	char name[];
};

struct loaders {
	struct cache *cache;
	struct log *log;
	struct sources *sources;
	struct fiber_group group;
	struct loader *known;
	struct loader_call *alone; /* loads without Redis, by key: others join them here */
	bool stopping;
};

/* One call with all that it needs, for it may outlive who asked. */
struct loader_call {
	UT_hash_handle hh;
	struct loaders *loaders;
	struct loader *loader;
	struct conf *conf;
	const struct conf_loader *conf_loader;
	struct source_param params[LOADER_MAX_PARAMS];
	struct buf key;
	struct slice tags[LOADER_MAX_PARAMS];
	struct arena texts; /* of params and tags */
	struct result_request request;
	struct result *result;
	unsigned references; /* of who asked and of who loads */
	bool over;
	struct fiber_cond ended;
	struct fault fault; /* of a load that failed */
};

/* ERR_BAD_KEY, the guard's refusals, ERR_BAD_PARAMETER: nothing can be loaded under that key. */
enum error loader_call_new(struct loaders *loaders, const struct loader_request *request,
	struct loader_call **ret, struct fault *fault);
/* The last one ends the result, too. Parks then. */
void loader_call_unref(struct loader_call *call);
/* Reads the source: *value is appended to. Parks. */
enum error loader_call_value(
	const struct loader_call *call, struct buf *value, struct fault *fault);

#endif
