/* SPDX-License-Identifier: MIT */
/* Sessions. */
#include "session/session.h"

#include <stdio.h>

#include "lib/args.h"

static char *text_of(struct buf *bytes)
{
	size_t n;

	return buf_steal(bytes, &n);
}

/* Moves the members of `from`. */
static void take_session(struct session *from, struct cw_session *ret)
{
	*ret = (struct cw_session){.data_size = from->data.n,
		.created_ms = from->created_wall_ms,
		.last_seen_ms = from->last_seen_wall_ms,
		.expires_ms = from->expires_wall_ms};
	snprintf(ret->ref, sizeof ret->ref, "%s", from->ref);
	if (from->user_id.n)
		ret->user_id = text_of(&from->user_id);
	if (from->data.n)
		ret->data = text_of(&from->data);
	session_release(from);
}

void cw_session_release(struct cw_session *session)
{
	if (!session)
		return;
	mem_free(session->user_id);
	mem_free(session->data);
	*session = (struct cw_session){0};
}

struct create_call {
	const struct cw_session_new *what;
	struct cw_session_id *ret;
};

/* 0 = not given. */
static enum error check_session_ttl(int64_t seconds, int64_t *ret_ms, struct fault *fault)
{
	if (seconds == CW_TTL_NONE)
		return fault_set(fault, ERR_BAD_PARAMETER,
			"a session must expire: CW_TTL_NONE is not allowed");
	return args_check_ttl(seconds, ret_ms, fault);
}

static enum error create(struct cw_cache *handle, void *args, struct fault *fault)
{
	struct create_call *asked = args;
	struct session session = {0};
	struct session_new what = {
		.user_id = args_slice(asked->what->user_id), .data = args_slice(asked->what->data)};
	enum error error = check_session_ttl(asked->what->ttl, &what.ttl_ms, fault);

	if (!error)
		error = check_session_ttl(asked->what->max_age, &what.max_age_ms, fault);
	if (!error)
		error = session_create(
			handle->engine.sessions, &what, asked->ret->text, &session, fault);
	/* The id of a session that was not stored is of no use. */
	if (error)
		asked->ret->text[0] = '\0';
	session_release(&session);
	return error;
}

enum cw_status cw_session_create(struct cw_cache *handle, const struct cw_session_new *what,
	struct cw_session_id *ret, struct cw_error *error)
{
	struct create_call args = {what, ret};

	_Static_assert(sizeof ret->text == SESSION_ID + 1, "the id and its NUL");
	*ret = (struct cw_session_id){0};
	return call_run(handle, create, &args, error);
}

/* One call on one session. */
struct session_call {
	const char *id;
	bool touch;
	const struct cw_session_change *change;
	struct cw_session_id *ret_id;
	struct cw_session *ret;
};

static void answer(struct session *session, struct cw_session *ret)
{
	if (ret)
		take_session(session, ret);
	else
		session_release(session);
}

static enum error get(struct cw_cache *handle, void *args, struct fault *fault)
{
	struct session_call *asked = args;
	struct session session = {0};
	enum error error = session_get(
		handle->engine.sessions, slice_str(asked->id), asked->touch, &session, fault);

	if (!error)
		answer(&session, asked->ret);
	return error;
}

enum cw_status cw_session_get(
	struct cw_cache *handle, const char *id, struct cw_session *ret, struct cw_error *error)
{
	struct session_call args = {.id = id, .touch = true, .ret = ret};

	*ret = (struct cw_session){0};
	return call_run(handle, get, &args, error);
}

enum cw_status cw_session_peek(
	struct cw_cache *handle, const char *id, struct cw_session *ret, struct cw_error *error)
{
	struct session_call args = {.id = id, .ret = ret};

	*ret = (struct cw_session){0};
	return call_run(handle, get, &args, error);
}

static enum error read_change(
	const struct cw_session_change *what, struct session_change *ret, struct fault *fault)
{
	*ret = (struct session_change){.set_user = what->set_user,
		.user_id = args_slice(what->user_id),
		.patch = args_slice(what->patch)};
	if (what->grace < 0 || what->grace > SESSION_GRACE_MS / 1000)
		return fault_set(fault, ERR_BAD_PARAMETER,
			"a grace of %lld s is not between 0 and %d s", (long long)what->grace,
			SESSION_GRACE_MS / 1000);
	ret->grace_ms = what->grace * 1000;
	return check_session_ttl(what->ttl, &ret->ttl_ms, fault);
}

static enum error change(struct cw_cache *handle, void *args, struct fault *fault)
{
	struct session_call *asked = args;
	struct session session = {0};
	struct session_change to;
	enum error error = read_change(asked->change, &to, fault);

	if (!error)
		error = session_patch(
			handle->engine.sessions, slice_str(asked->id), &to, &session, fault);
	if (!error)
		answer(&session, asked->ret);
	return error;
}

enum cw_status cw_session_change(struct cw_cache *handle, const char *id,
	const struct cw_session_change *what, struct cw_session *ret, struct cw_error *error)
{
	struct session_call args = {.id = id, .change = what, .ret = ret};

	if (ret)
		*ret = (struct cw_session){0};
	return call_run(handle, change, &args, error);
}

enum cw_status cw_session_patch(struct cw_cache *handle, const char *id, struct cw_bytes bytes,
	struct cw_session *ret, struct cw_error *error)
{
	/* An empty patch is not a JSON object, and must be refused. */
	const struct cw_session_change what = {.patch = bytes.size ? bytes : cw_str(" ")};

	return cw_session_change(handle, id, &what, ret, error);
}

static enum error delete (struct cw_cache *handle, void *args, struct fault *fault) {
	const struct session_call *asked = args;

	return session_delete(handle->engine.sessions, slice_str(asked->id), fault);
}

enum cw_status cw_session_delete(struct cw_cache *handle, const char *id, struct cw_error *error)
{
	struct session_call args = {.id = id};

	return call_run(handle, delete, &args, error);
}

static enum error rotate(struct cw_cache *handle, void *args, struct fault *fault)
{
	struct session_call *asked = args;
	struct session session = {0};
	struct session_change to;
	struct cw_session_id fresh;
	enum error error = read_change(asked->change, &to, fault);

	if (!error)
		error = session_rotate(handle->engine.sessions, slice_str(asked->id), &to,
			fresh.text, &session, fault);
	if (!error)
		*asked->ret_id = fresh;
	session_release(&session);
	return error;
}

enum cw_status cw_session_rotate_with(struct cw_cache *handle, const char *id,
	const struct cw_session_change *what, struct cw_session_id *ret, struct cw_error *error)
{
	struct session_call args = {.id = id, .change = what, .ret_id = ret};
	enum cw_status status = call_run(handle, rotate, &args, error);

	/* Not before: `ret` may be where `id` is. */
	if (status)
		*ret = (struct cw_session_id){0};
	return status;
}

enum cw_status cw_session_rotate(
	struct cw_cache *handle, const char *id, struct cw_session_id *ret, struct cw_error *error)
{
	const struct cw_session_change nothing = {0};

	return cw_session_rotate_with(handle, id, &nothing, ret, error);
}

struct list_call {
	struct cw_bytes user_id;
	struct cw_session_list *ret;
};

static enum error list(struct cw_cache *handle, void *args, struct fault *fault)
{
	struct list_call *asked = args;
	struct session *sessions = NULL;
	size_t count = 0;
	enum error error = session_list(
		handle->engine.sessions, args_slice(asked->user_id), &sessions, &count, fault);

	if (error)
		return error;
	asked->ret->items = mem_array(count, sizeof *asked->ret->items);
	asked->ret->count = count;
	for (size_t i = 0; i < count; i++) {
		/* The engine leaves out the user, which is the same for all. */
		if (!sessions[i].user_id.n)
			buf_add(&sessions[i].user_id, args_slice(asked->user_id));
		take_session(&sessions[i], &asked->ret->items[i]);
	}
	mem_free(sessions);
	return OK;
}

enum cw_status cw_session_list(struct cw_cache *handle, struct cw_bytes user_id,
	struct cw_session_list *ret, struct cw_error *error)
{
	struct list_call args = {user_id, ret};

	*ret = (struct cw_session_list){0};
	return call_run(handle, list, &args, error);
}

void cw_session_list_release(struct cw_session_list *sessions)
{
	if (!sessions)
		return;
	for (size_t i = 0; i < sessions->count; i++)
		cw_session_release(&sessions->items[i]);
	mem_free(sessions->items);
	*sessions = (struct cw_session_list){0};
}

struct end_call {
	struct cw_bytes user_id;
	const struct cw_session_end *which;
	size_t ended;
};

static enum error end(struct cw_cache *handle, void *args, struct fault *fault)
{
	struct end_call *asked = args;
	const struct cw_session_end none = {0}, *which = asked->which ? asked->which : &none;

	/* An empty one would select all sessions. */
	if ((which->ref && !session_ref_valid(slice_str(which->ref))) ||
		(which->except && !session_ref_valid(slice_str(which->except))))
		return fault_set(fault, ERR_BAD_PARAMETER,
			"a session's ref is %d hex digits, as struct cw_session has it",
			SESSION_REF);
	return session_end_all(handle->engine.sessions, args_slice(asked->user_id),
		slice_str(which->ref), slice_str(which->except), &asked->ended, fault);
}

enum cw_status cw_session_end(struct cw_cache *handle, struct cw_bytes user_id,
	const struct cw_session_end *which, size_t *ret_ended, struct cw_error *error)
{
	struct end_call args = {.user_id = user_id, .which = which};
	enum cw_status status = call_run(handle, end, &args, error);

	if (ret_ended)
		*ret_ended = args.ended;
	return status;
}
