/* SPDX-License-Identifier: MIT */
/* GET /config, POST /reload: the configuration in force. */
#include <string.h>

#include "api/answer.h"
#include "api/body.h"
#include "api/config.h"
#include "api/handlers.h"
#include "text/json.h"

void api_config(struct request *request, void *context)
{
	const struct app *app = context;

	reply_json(request, 200, conf_json(app->engine.cache.conf));
}

void config_log_warnings(const struct app *app, const struct conf *conf)
{
	if (*conf_warnings(conf))
		log_lines(app->log, LOG_LEVEL_WARNING, "configuration", conf_warnings(conf));
}

enum error config_reload_now(struct app *app, struct buf *faults)
{
	enum error error = reload_now(app->reload, faults);

	metric_set(app->metrics, METRIC_CONFIG_RELOAD_OK, NULL, NULL, error == OK);
	if (error)
		event_publish(app->bus, EVENT_CONFIG_REFUSED, NULL);
	if (error)
		log_lines(app->log, LOG_LEVEL_ERROR,
			"configuration refused, the previous one stays in force", faults->p);
	else
		log_info(app->log, "configuration reloaded");
	if (!error)
		config_log_warnings(app, reload_current(app->reload));
	/* After the reload has been reported, no answer may show the state before it. */
	answers_forget(app);
	return error;
}

/* Each line of `faults` is one element of the problem's `errors`. */
static cJSON *fault_lines(const struct buf *faults)
{
	cJSON *extra = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(extra, "errors");
	struct slice rest = buf_slice(faults);

	while (rest.n) {
		const char *end = memchr(rest.p, '\n', rest.n);
		size_t n = end ? (size_t)(end - rest.p) : rest.n;
		cJSON *item = cJSON_CreateObject();

		json_add_slice(item, "detail", slice_of(rest.p, n));
		cJSON_AddItemToArray(list, item);
		rest = end ? slice_of(end + 1, rest.n - n - 1) : slice_of("", 0);
	}
	return extra;
}

void api_config_reload(struct request *request, void *context)
{
	struct app *app = context;
	struct buf faults = {0};
	struct slice note = {0};
	struct fault fault;
	enum error error = body_note_only(request, &note, &fault);

	if (!error)
		answer_log_note(request, app, "reload", slice_of(NULL, 0), note);
	if (error) {
		reply_fault(request, &fault);
	} else if (config_reload_now(app, &faults)) {
		fault_set(&fault, ERR_BAD_CONFIG,
			"nothing was changed; correct the lines below and reload again");
		reply_fault_with(request, &fault, fault_lines(&faults));
	} else {
		cJSON *body = cJSON_CreateObject();

		cJSON_AddBoolToObject(body, "reloaded", true);
		json_add_time(body, "loaded", app->engine.cache.conf->loaded_wall_ms);
		reply_json(request, 200, body);
	}
	buf_release(&faults);
}
