/* SPDX-License-Identifier: MIT */
/* GET and POST /pause, POST /resume. */
#include "api/pauses.h"

#include "api/answer.h"
#include "api/body.h"
#include "api/handlers.h"
#include "text/json.h"

cJSON *pauses_json(const struct app *app, enum pause what)
{
	const struct pause_state *state = pause_state(app->engine.pauses, what);
	cJSON *item;

	if (!state)
		return cJSON_CreateNull();
	item = cJSON_CreateObject();
	json_add_time(item, "since", state->since_wall_ms);
	json_add_time(item, "until", state->until_wall_ms);
	json_add_text(item, "by", state->by);
	json_add_text(item, "note", state->note ? state->note : "");
	return item;
}

static cJSON *list(const struct app *app)
{
	cJSON *all = cJSON_CreateObject();

	for (enum pause what = 0; what < PAUSE_COUNT; what++)
		cJSON_AddItemToObject(all, pause_name(what), pauses_json(app, what));
	return all;
}

struct pauses_body {
	struct body_list what;
	struct slice note;
	int64_t seconds;
};

/* Sets a bit for each name in *ret. */
static enum error read_what(const struct body_list *names, unsigned *ret, struct fault *fault)
{
	*ret = 0;
	for (size_t i = 0; i < names->count; i++) {
		enum pause what = pause_named(names->items[i]);

		if (what == PAUSE_COUNT)
			return fault_at(fault, ERR_BAD_BODY, "/what",
				"what can be paused is warming and invalidation");
		*ret |= 1u << what;
	}
	return OK;
}

static enum error read_body(struct request *request, bool pauses, struct pauses_body *asked,
	unsigned *ret_what, struct fault *fault)
{
	const struct body_member members[] = {
		{"what", BODY_LIST, &asked->what, 1, PAUSE_COUNT},
		{"note", BODY_STRING, &asked->note, 0, BODY_NOTE_BYTES},
		{"for", BODY_INT, &asked->seconds, 1, PAUSE_MAX_SECONDS},
	};
	enum error error = body_parse(
		request, &(struct body_table){.members = members, .count = pauses ? 3 : 2}, fault);

	if (!error)
		error = read_what(&asked->what, ret_what, fault);
	if (!error && !*ret_what && pauses)
		error = fault_at(fault, ERR_BAD_BODY, "/what",
			"what is required: [\"warming\"], [\"invalidation\"] or both");
	return error;
}

static void answer(struct request *request, const struct app *app)
{
	cJSON *body = cJSON_CreateObject();

	cJSON_AddItemToObject(body, "paused", list(app));
	reply_json(request, 200, body);
}

void api_pauses_list(struct request *request, void *context)
{
	answer(request, context);
}

void api_pauses_begin(struct request *request, void *context)
{
	struct app *app = context;
	struct pauses_body asked = {.seconds = PAUSE_DEFAULT_SECONDS};
	struct fault fault;
	unsigned all;
	enum error error = read_body(request, true, &asked, &all, &fault);

	for (enum pause what = 0; what < PAUSE_COUNT && !error; what++)
		if (all & 1u << what)
			error = pause_begin(app->engine.pauses, what, asked.seconds,
				request_identity(request)->name, asked.note, &fault);
	/* What is polled shows it from now on. */
	answers_forget(app);
	if (error)
		reply_fault(request, &fault);
	else
		answer(request, app);
}

void api_pauses_end(struct request *request, void *context)
{
	struct app *app = context;
	struct pauses_body asked = {0};
	struct fault fault;
	unsigned all;
	enum error error = read_body(request, false, &asked, &all, &fault);

	for (enum pause what = 0; what < PAUSE_COUNT && !error; what++)
		if (!all || all & 1u << what)
			error = pause_end(app->engine.pauses, what, request_identity(request)->name,
				asked.note, &fault);
	/* What is polled shows it from now on. */
	answers_forget(app);
	if (error)
		reply_fault(request, &fault);
	else
		answer(request, app);
}
