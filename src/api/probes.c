/* SPDX-License-Identifier: MIT */
/* /livez and /readyz: a status for machines, and one word. */
#include "api/handlers.h"

static void reply_word(struct request *request, int status, struct slice word)
{
	reply_bytes(request, status, "text/plain; charset=utf-8", word);
}

/* The loop runs, or this would not be called. */
void api_probes_livez(struct request *request, void *context)
{
	(void)context;
	reply_word(request, 200, SLICE("ok\n"));
}

static bool redis_usable(const struct app *app)
{
	struct redis_state state = store_state(app->engine.cache.store);

	return state.status == REDIS_UP && !state.unfit.error;
}

void api_probes_readyz(struct request *request, void *context)
{
	const struct app *app = context;
	bool redis = false;
	struct fault fault;

	if (request_query_bool(request, "redis", &redis, &fault)) {
		reply_fault(request, &fault);
		return;
	}
	if (app->phase == APP_STARTING)
		reply_word(request, 503, SLICE("starting\n"));
	else if (app->phase == APP_STOPPING)
		reply_word(request, 503, SLICE("stopping\n"));
	else if (redis && !redis_usable(app))
		reply_word(request, 503, SLICE("redis\n"));
	else
		reply_word(request, 200, SLICE("ok\n"));
}
