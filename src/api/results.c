/* SPDX-License-Identifier: MIT */
/* POST /results/{loader}: read-through. GET /loaders: their state. */
#include "api/answer.h"
#include "api/body.h"
#include "api/handlers.h"
#include "api/hide.h"
#include "api/keys.h"
#include "text/json.h"

enum { param_bytes = 1024 };

/* The values of the loader's params, in their order. */
struct params {
	const struct conf_loader *loader;
	struct slice values[LOADER_MAX_PARAMS];
};

static enum error take_param(void *context, struct slice name, struct json_value value,
	struct arena *arena, struct fault *fault)
{
	struct params *params = context;
	char pointer[BODY_POINTER_BYTES];

	body_point(pointer, "/params", name);
	for (size_t i = 0; i < params->loader->param_count; i++) {
		if (!slice_equal(params->loader->params[i], name))
			continue;
		/* json_check() has refused duplicate names. */
		enum error error = body_id(value, pointer, arena, &params->values[i], fault);
		if (!error && params->values[i].n > param_bytes)
			return fault_at(fault, ERR_BAD_BODY, pointer,
				"%s has %zu bytes; at most %d are allowed", pointer,
				params->values[i].n, param_bytes);
		return error;
	}
	return fault_at(fault, ERR_BAD_BODY, pointer, "%s is not a parameter of the loader %s",
		pointer, params->loader->name);
}

static enum error check_missing(const struct params *params, struct fault *fault)
{
	const struct conf_loader *loader = params->loader;

	for (size_t i = 0; i < loader->param_count; i++)
		if (!params->values[i].p)
			return fault_at(fault, ERR_BAD_BODY, "/params",
				"the loader %s needs the parameter %.*s", loader->name,
				(int)loader->params[i].n, loader->params[i].p);
	return OK;
}

static enum error read_params(struct request *request, struct params *params, struct fault *fault)
{
	struct json_value object = {0};
	const struct body_member members[] = {{"params", BODY_OBJECT, &object, 0, 0}};
	enum error error =
		body_parse(request, &(struct body_table){.members = members, .count = 1}, fault);

	if (!error && object.text.n)
		error = body_read(object,
			&(struct body_table){
				.other = take_param, .context = params, .at = "/params"},
			request_arena(request), fault);
	return error ? error : check_missing(params, fault);
}

static void reply_loaded(
	struct request *request, const struct conf_loader *loader, struct loader_result *loaded)
{
	static const char *const words[] = {
		[RESULT_HIT] = "HIT",
		[RESULT_STALE] = "STALE",
		[RESULT_LOAD] = "MISS",
		[RESULT_MISS] = "MISS",
		[RESULT_BYPASS] = "BYPASS",
		[RESULT_ABSENT] = "HIT",
	};
	size_t n;

	reply_header(request, "X-Cache", words[loaded->state]);
	if (loaded->age_seconds >= 0)
		answer_header_int(request, "Age", loaded->age_seconds);
	if (loaded->ttl_ms >= -1)
		answer_header_int(request, "X-Cache-TTL", keys_ttl_seconds(loaded->ttl_ms));
	char *body = buf_steal(&loaded->value, &n);
	reply_owned(request, 200, loader->value ? "application/octet-stream" : "application/json",
		body, n);
}

static const struct conf_loader *find(struct request *request, struct fault *fault)
{
	struct slice name = request_path(request, "loader");
	const struct conf_loader *loader = conf_loader(request_conf(request), name);

	if (!loader)
		fault_set(fault, ERR_UNKNOWN_LOADER, "there is no loader %.*s",
			(int)(name.n < 64 ? name.n : 64), name.p);
	return loader;
}

void api_results(struct request *request, void *context)
{
	struct app *app = context;
	struct fault fault;
	struct loader_result loaded = {0};
	struct params params = {.loader = find(request, &fault)};

	if (!params.loader) {
		reply_fault(request, &fault);
		return;
	}
	struct loader_request asked = {.conf = request_conf(request),
		.loader = params.loader,
		.values = params.values,
		.who = request_identity(request)};
	enum error error = read_params(request, &params, &fault);
	if (!error)
		error = loaders_get(app->loaders, &asked, &loaded, &fault);
	if (error == ERR_NO_VALUE && params.loader->absent_ms > 0)
		reply_header(request, "X-Cache", loaded.state == RESULT_ABSENT ? "HIT" : "MISS");
	if (error)
		reply_fault(request, &fault);
	else
		reply_loaded(request, params.loader, &loaded);
	loader_result_release(&loaded);
}

static void add_last_error(cJSON *object, const struct loader_state *state)
{
	if (!state->last_error) {
		cJSON_AddNullToObject(object, "last_error");
		cJSON_AddNullToObject(object, "last_error_at");
		return;
	}
	cJSON *error = cJSON_AddObjectToObject(object, "last_error");
	cJSON_AddStringToObject(error, "code", error_code(state->last_error->error));
	json_add_slice(error, "detail", slice_str(state->last_error->detail));
	json_add_time(object, "last_error_at", state->last_error_wall_ms);
}

static void add_breaker(cJSON *object, const struct source_breaker *breaker)
{
	cJSON_AddStringToObject(object, "breaker", breaker_state_name(breaker->state));
	json_add_uint(object, "breaker_failures", breaker->failures);
	if (*breaker->why)
		json_add_slice(object, "breaker_reason", slice_str(breaker->why));
	else
		cJSON_AddNullToObject(object, "breaker_reason");
}

static cJSON *loader_json(const struct loaders *loaders, const struct conf_loader *conf)
{
	struct loader_state state = loaders_state(loaders, conf);
	cJSON *object = cJSON_CreateObject(), *params;

	cJSON_AddStringToObject(object, "name", conf->name);
	json_add_slice(object, "key", template_text(conf->key));
	params = cJSON_AddArrayToObject(object, "params");
	for (size_t i = 0; i < conf->param_count; i++)
		json_append_slice(params, conf->params[i]);
	cJSON_AddStringToObject(object, "source", conf->source.name);
	add_breaker(object, &state.breaker);
	json_add_uint(object, "running", state.running);
	json_add_uint(object, "loads", state.loads);
	json_add_uint(object, "errors", state.errors);
	if (state.loads)
		json_add_number(object, "average_load_ms", state.average_ms, 1);
	else
		cJSON_AddNullToObject(object, "average_load_ms");
	add_last_error(object, &state);
	return object;
}

void api_results_loaders(struct request *request, void *context)
{
	const struct app *app = context;
	const struct conf *conf = request_conf(request);
	cJSON *body = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(body, "loaders");

	for (size_t i = 0; i < conf->loader_count; i++)
		if (hide_inside(request_identity(request), conf->loaders[i].key))
			cJSON_AddItemToArray(list, loader_json(app->loaders, &conf->loaders[i]));
	reply_json(request, 200, body);
}
