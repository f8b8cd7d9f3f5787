/* SPDX-License-Identifier: MIT */
/* Cookies of requests and replies; see login.h. */
#include "http/login.h"

#include <stdio.h>

#include "base/clock.h"
#include "http/gate.h"
#include "http/reply.h"
#include "http/server_internal.h"

static bool is_secure(const struct request *request)
{
	return request->connection && request->connection->tls;
}

/* Browsers take a cookie with this prefix only over TLS and for this host alone (RFC 6265bis). */
static struct slice cookie_name(const struct request *request)
{
	return is_secure(request) ? SLICE("__Host-cw") : SLICE("cw");
}

static const struct login *find(const struct request *request, bool use)
{
	const struct login *login = NULL;
	struct slice id;
	size_t at = 0;

	/* Another program on the same host may have set a cookie of that name. */
	while (!login && request->head.cookie.p &&
		logins_cookie(request->head.cookie, cookie_name(request), &at, &id))
		login = logins_find(request->server->logins, id, clock_mono_ms(), use);
	return login;
}

const struct login *login_of(const struct request *request)
{
	return find(request, true);
}

bool login_has_ended(const struct request *request)
{
	return !find(request, false);
}

const struct conf_token *login_token(const struct request *request)
{
	return request->auth.by_login ? request->auth.token : NULL;
}

enum error login_may_change(const struct request *request, struct fault *fault)
{
	const struct login *login = login_of(request);
	struct slice csrf;

	if (!request->head.origin.p || gate_origin_of_change(&request->head, fault))
		return fault_set(fault, ERR_FORBIDDEN,
			"a change with a login's cookie needs the Origin of this server's own "
			"page; programs send Authorization: Bearer TOKEN");
	if (!login || !request_header(request, "X-CSRF-Token", &csrf) || csrf.n != LOGIN_CSRF ||
		!crypto_equal(csrf.p, login->csrf, LOGIN_CSRF))
		return fault_set(fault, ERR_FORBIDDEN,
			"the header X-CSRF-Token is not that of this login: GET /api/v1/login "
			"answers it");
	return OK;
}

static void set_cookie(struct request *request, const char *id, bool ends)
{
	char text[160];

	snprintf(text, sizeof text, "%s=%s; Path=/; HttpOnly; SameSite=Strict%s%s",
		cookie_name(request).p, id, is_secure(request) ? "; Secure" : "",
		ends ? "; Max-Age=0" : "");
	reply_header(request, "Set-Cookie", text);
}

enum error login_begin(struct request *request, struct slice token,
	const struct conf_token **ret_token, const struct login **ret, struct fault *fault)
{
	const struct login *earlier = login_of(request);
	char id[LOGIN_ID + 1];
	enum error error = auth_token(request->conf, token, clock_wall_ms(), &request->auth, fault);

	if (error)
		return admit_refuse_caller(request, error, fault);
	if (earlier)
		logins_end(request->server->logins, earlier);
	*ret_token = request->auth.token;
	*ret = logins_begin(
		request->server->logins, request->auth.token->sha256, clock_mono_ms(), id);
	set_cookie(request, id, false);
	return OK;
}

void login_end(struct request *request)
{
	const struct login *login = login_of(request);

	if (!login)
		return;
	logins_end(request->server->logins, login);
	set_cookie(request, "", true);
}
