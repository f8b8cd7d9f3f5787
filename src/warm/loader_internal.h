/* SPDX-License-Identifier: MIT */
/* Loaders and their calls, for loader.c and loader_call.c. */
#ifndef CW_WARM_LOADER_INTERNAL_H
#define CW_WARM_LOADER_INTERNAL_H

#include <uthash.h>

#include "base/arena.h"
#include "warm/loader.h"

/* The state of one loader, by its name; kept over reloads. */
struct loader {
	UT_hash_handle hh;
	size_t running;
	struct fiber_cond room; /* signalled when a load has ended */
	uint64_t loads, errors;
	double usual_ms; /* moving average of the duration of loads; 0 = none yet */
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
	struct loader_call *alone; /* by key: loads while Redis is away, which others join */
	bool stopping;
};

/* One call of a loader; it may outlive the request. */
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
	unsigned references; /* the request's, the load's, and those that joined it */
	bool over;	     /* the load has ended */
	struct fiber_cond ended;
	struct fault fault; /* why the load failed */
};

/* Fills key and tags. ERR_BAD_KEY, the guard's refusals, ERR_BAD_PARAMETER: there is no call. */
enum error loader_call_new(struct loaders *loaders, const struct loader_request *request,
	struct loader_call **ret, struct fault *fault);
/* The last reference frees the call and ends its struct result; that parks. */
void loader_call_unref(struct loader_call *call);
/* Reads the value from the source and appends it. Parks. */
enum error loader_call_value(
	const struct loader_call *call, struct buf *value, struct fault *fault);

#endif
