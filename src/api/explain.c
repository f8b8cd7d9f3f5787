/* SPDX-License-Identifier: MIT */
/* GET /explain/{key}: what is stored under a key, and what can invalidate it. */
#include "invalidate/explain.h"

#include "api/handlers.h"
#include "api/hide.h"
#include "api/keys.h"

void api_explain(struct request *request, void *context)
{
	struct app *app = context;
	struct buf scratch = {0};
	struct slice key;
	struct fault fault;
	cJSON *body;

	if (keys_name(request, &scratch, &key, &fault) ||
		explain_key(&app->engine.cache, request_conf(request), key, &body, &fault)) {
		reply_fault(request, &fault);
	} else {
		hide_names(request_identity(request),
			cJSON_GetObjectItemCaseSensitive(body, "dependents"));
		hide_selector(request_identity(request),
			cJSON_GetObjectItemCaseSensitive(body, "last_invalidation"));
		reply_json(request, 200, body);
	}
	buf_release(&scratch);
}
