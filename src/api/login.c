/* SPDX-License-Identifier: MIT */
/* POST, GET, DELETE /login: a browser's cookie in place of a token. */
#include "http/login.h"

#include "api/answer.h"
#include "api/body.h"
#include "api/handlers.h"
#include "text/json.h"

enum { max_token_bytes = 512 };

static void add_scopes(cJSON *body, unsigned scopes)
{
	cJSON *list = cJSON_AddArrayToObject(body, "scopes");

	for (unsigned bit = 1; bit <= SCOPE_ADMIN; bit <<= 1)
		if (scopes & bit)
			cJSON_AddItemToArray(list, cJSON_CreateString(scope_name(bit)));
}

/* The login's end, or that of its token if it comes earlier. */
static int64_t end_of(const struct login *login, const struct conf_token *token)
{
	int64_t end = login->begun_wall_ms + LOGIN_AGE_MS;

	return token->expires_wall_ms >= 0 && token->expires_wall_ms < end ? token->expires_wall_ms
									   : end;
}

/* Without a login, what the caller may do by other proof. */
static void answer(
	struct request *request, const struct login *login, const struct conf_token *token)
{
	const struct identity *who = token ? &token->identity : request_identity(request);
	cJSON *body = cJSON_CreateObject();

	cJSON_AddStringToObject(body, "name", who->name);
	if (login) {
		cJSON_AddStringToObject(body, "csrf", login->csrf);
		json_add_time(body, "expires", end_of(login, token));
	} else {
		cJSON_AddNullToObject(body, "csrf");
		cJSON_AddNullToObject(body, "expires");
	}
	add_scopes(body, who->scopes);
	reply_json(request, 200, body);
}

void api_login_begin(struct request *request, void *context)
{
	struct slice token = {0};
	const struct body_member members[] = {
		{"token", BODY_STRING, &token, 1, max_token_bytes},
	};
	const struct body_table table = {.members = members, .count = 1};
	const struct conf_token *found = NULL;
	const struct login *login = NULL;
	struct fault fault;
	enum error error = body_parse(request, &table, &fault);

	(void)context;
	if (!error && !token.n)
		error = fault_at(&fault, ERR_BAD_BODY, "/token", "token is required");
	if (!error)
		error = login_begin(request, token, &found, &login, &fault);
	if (error)
		reply_fault(request, &fault);
	else
		answer(request, login, found);
}

void api_login_get(struct request *request, void *context)
{
	const struct conf_token *token = login_token(request);

	(void)context;
	answer(request, token ? login_of(request) : NULL, token);
}

void api_login_end(struct request *request, void *context)
{
	(void)context;
	login_end(request);
	reply_empty(request, 204);
}
