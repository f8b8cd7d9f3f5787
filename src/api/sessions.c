/* SPDX-License-Identifier: MIT */
/*
 * Sessions over HTTP. The id is received in the header X-Session-Id and sent in a body; errors and
 * logs never repeat it.
 */
#include "api/answer.h"
#include "api/body.h"
#include "api/handlers.h"
#include "base/mem.h"
#include "cache/guard.h"
#include "session/session.h"

enum { max_ttl_s = TTL_MAX_MS / 1000 };

/* A token with key_prefixes needs one that covers the keys of sessions. */
static enum error judge(struct request *request, struct fault *fault)
{
	const struct identity *who = request_identity(request);

	if (guard_inside_prefixes(who, SLICE("session:")))
		return OK;
	return fault_set(fault, ERR_KEY_OUTSIDE_PREFIXES,
		"sessions are outside the key_prefixes of token '%s'; add \"session:\" to them",
		who->name);
}

static enum error read_id(struct request *request, struct slice *ret, struct fault *fault)
{
	enum error error = judge(request, fault);

	if (!error && !request_header(request, "X-Session-Id", ret))
		error = fault_set(
			fault, ERR_BAD_REQUEST, "send the session's id in the header X-Session-Id");
	return error;
}

/* The message does not repeat the value: it may be a session id, given by mistake. */
static enum error check_ref(struct slice ref, const char *what, struct fault *fault)
{
	return session_ref_valid(ref) ? OK
				      : fault_set(fault, ERR_BAD_PARAMETER,
						"%s must be a session's ref: %d hexadecimal digits",
						what, SESSION_REF);
}

static cJSON *times_json(const struct session *session)
{
	cJSON *body = cJSON_CreateObject();

	cJSON_AddStringToObject(body, "ref", session->ref);
	json_add_time(body, "created", session->created_wall_ms);
	json_add_time(body, "last_seen", session->last_seen_wall_ms);
	json_add_time(body, "expires", session->expires_wall_ms);
	return body;
}

static void reply_session(struct request *request, const struct session *session)
{
	cJSON *body = times_json(session);

	if (session->user_id.n)
		json_add_slice(body, "user_id", buf_slice(&session->user_id));
	else
		cJSON_AddNullToObject(body, "user_id");
	cJSON_AddRawToObject(body, "data", session->data.p);
	reply_json(request, 200, body);
}

static void reply_id(
	struct request *request, int status, const char *id, const struct session *session)
{
	cJSON *body = cJSON_CreateObject();

	cJSON_AddStringToObject(body, "session_id", id);
	cJSON_AddStringToObject(body, "ref", session->ref);
	json_add_time(body, "expires", session->expires_wall_ms);
	reply_json(request, status, body);
}

/* The member `user_id`: a string, an integer as text, or null = no user. */
struct user_member {
	bool given;
	struct slice id;
};

static enum error take_user(void *context, struct slice name, struct json_value value,
	struct arena *arena, struct fault *fault)
{
	struct user_member *user = context;

	if (!slice_is(name, "user_id"))
		return ERR_NOT_FOUND;
	user->given = true;
	return value.type == JSON_NULL ? OK : body_id(value, "/user_id", arena, &user->id, fault);
}

void api_session_create(struct request *request, void *context)
{
	struct app *app = context;
	struct user_member user = {0};
	struct json_value data = {0};
	int64_t ttl_s = 0, max_age_s = 0;
	const struct body_member members[] = {
		{.name = "data", .kind = BODY_OBJECT, .target = &data},
		{.name = "ttl", .kind = BODY_INT, .target = &ttl_s, .min = 1, .max = max_ttl_s},
		{.name = "max_age",
			.kind = BODY_INT,
			.target = &max_age_s,
			.min = 1,
			.max = max_ttl_s},
	};
	const struct body_table table = {
		.members = members, .count = 3, .other = take_user, .context = &user};
	struct session session = {0};
	char id[SESSION_ID + 1];
	struct fault fault;

	enum error error = judge(request, &fault);
	if (!error)
		error = body_parse(request, &table, &fault);
	const struct session_new what = {.user_id = user.id,
		.data = data.text,
		.ttl_ms = ttl_s * 1000,
		.max_age_ms = max_age_s * 1000};
	if (!error)
		error = session_create(app->engine.sessions, &what, id, &session, &fault);
	if (error)
		reply_fault(request, &fault);
	else
		reply_id(request, 201, id, &session);
	session_release(&session);
}

void api_session_get(struct request *request, void *context)
{
	struct app *app = context;
	struct session session = {0};
	bool touch = true;
	struct slice id;
	struct fault fault;

	if (read_id(request, &id, &fault) || request_query_bool(request, "touch", &touch, &fault) ||
		(touch && request_may_change(request, &fault)) ||
		session_get(app->engine.sessions, id, touch, &session, &fault))
		reply_fault(request, &fault);
	else
		reply_session(request, &session);
	session_release(&session);
}

static enum error read_change(
	struct request *request, bool rotate, struct session_change *ret, struct fault *fault)
{
	struct user_member user = {0};
	struct json_value data = {0};
	int64_t ttl_s = 0, grace_s = 0;
	const struct body_member members[] = {
		{.name = "ttl", .kind = BODY_INT, .target = &ttl_s, .min = 1, .max = max_ttl_s},
		rotate ? (struct body_member){.name = "grace",
				 .kind = BODY_INT,
				 .target = &grace_s,
				 .max = SESSION_GRACE_MS / 1000}
		       : (struct body_member){.name = "data", .kind = BODY_OBJECT, .target = &data},
	};
	const struct body_table table = {
		.members = members, .count = 2, .other = take_user, .context = &user};

	enum error error = body_parse(request, &table, fault);
	*ret = (struct session_change){.set_user = user.given,
		.user_id = user.id,
		.ttl_ms = ttl_s * 1000,
		.patch = data.text,
		.grace_ms = grace_s * 1000};
	if (!error && !rotate && !data.text.p && !ttl_s && !user.given)
		error = fault_at(fault, ERR_BAD_BODY, "/data",
			"/data, /user_id or /ttl must be given: the members of /data replace the "
			"session's, null removes one");
	return error;
}

void api_session_patch(struct request *request, void *context)
{
	struct app *app = context;
	struct session_change change = {0};
	struct session session = {0};
	struct slice id;
	struct fault fault;

	enum error error = read_id(request, &id, &fault);
	if (!error)
		error = read_change(request, false, &change, &fault);
	if (!error)
		error = session_patch(app->engine.sessions, id, &change, &session, &fault);
	if (error)
		reply_fault(request, &fault);
	else
		reply_session(request, &session);
	session_release(&session);
}

void api_session_delete(struct request *request, void *context)
{
	struct app *app = context;
	struct slice id;
	struct fault fault;

	if (read_id(request, &id, &fault) || session_delete(app->engine.sessions, id, &fault))
		reply_fault(request, &fault);
	else
		reply_empty(request, 204);
}

void api_session_rotate(struct request *request, void *context)
{
	struct app *app = context;
	struct session_change change = {0};
	struct session session = {0};
	char fresh[SESSION_ID + 1];
	struct slice id;
	struct fault fault;

	enum error error = read_id(request, &id, &fault);
	if (!error)
		error = read_change(request, true, &change, &fault);
	if (!error)
		error = session_rotate(app->engine.sessions, id, &change, fresh, &session, &fault);
	if (error)
		reply_fault(request, &fault);
	else
		reply_id(request, 200, fresh, &session);
	session_release(&session);
}

void api_sessions_list(struct request *request, void *context)
{
	struct app *app = context;
	struct session *sessions = NULL;
	size_t count = 0;
	struct fault fault;

	if (judge(request, &fault) ||
		session_list(app->engine.sessions, request_path(request, "user_id"), &sessions,
			&count, &fault)) {
		reply_fault(request, &fault);
		return;
	}
	cJSON *body = cJSON_CreateObject();
	cJSON *items = cJSON_AddArrayToObject(body, "sessions");

	for (size_t i = 0; i < count; i++) {
		cJSON_AddItemToArray(items, times_json(&sessions[i]));
		session_release(&sessions[i]);
	}
	mem_free(sessions);
	reply_json(request, 200, body);
}

static void end_sessions(
	struct request *request, struct app *app, struct slice ref, struct slice except)
{
	struct fault fault;
	size_t ended;

	if (session_end_all(app->engine.sessions, request_path(request, "user_id"), ref, except,
		    &ended, &fault))
		reply_fault(request, &fault);
	else
		answer_int(request, "ended", (int64_t)ended);
}

void api_sessions_end(struct request *request, void *context)
{
	struct slice except = {0};
	struct fault fault;

	enum error error = judge(request, &fault);
	if (!error && request_query(request, "except", &except))
		error = check_ref(except, "the query parameter except", &fault);
	if (error)
		reply_fault(request, &fault);
	else
		end_sessions(request, context, SLICE(""), except);
}

void api_sessions_end_one(struct request *request, void *context)
{
	struct slice ref = request_path(request, "ref");
	struct fault fault;

	if (judge(request, &fault) || check_ref(ref, "the last segment of the path", &fault))
		reply_fault(request, &fault);
	else
		end_sessions(request, context, ref, SLICE(""));
}
