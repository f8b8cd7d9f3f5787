/* SPDX-License-Identifier: MIT */
/*
 * The login of a request: what its cookie stands for; see logins.h for their life.
 *
 * The cookie is `__Host-cw` over TLS and `cw` otherwise; it is not shown to scripts and not sent
 * with requests from pages of other sites. A request that changes something must also have our own
 * Origin and repeat the login's CSRF value in X-CSRF-Token.
 */
#ifndef CW_HTTP_LOGIN_H
#define CW_HTTP_LOGIN_H

#include "http/logins.h"
#include "http/request.h"

/* The login whose cookie the request has; NULL = none. Its token may have ended. A use of it. */
const struct login *login_of(const struct request *request);
/* Whether the request's login has ended meanwhile. Not a use of it: a stream that is open is none. */
bool login_has_ended(const struct request *request);
/* The token by whose login the request was admitted; NULL = it was not by a login. */
const struct conf_token *login_token(const struct request *request);
/*
 * Whether the page that sent the request may change something: ERR_FORBIDDEN without our Origin and
 * the right X-CSRF-Token.
 */
enum error login_may_change(const struct request *request, struct fault *fault);

/*
 * Begins a login with a token and sets the reply's cookie; the caller's earlier login ends.
 * ERR_UNAUTHORIZED, or ERR_TOO_MANY_REQUESTS as other invalid tokens, with the headers of the
 * refusal.
 */
enum error login_begin(struct request *request, struct slice token,
	const struct conf_token **ret_token, const struct login **ret, struct fault *fault);
/* Ends the request's login, if it has one, and removes its cookie. */
void login_end(struct request *request);

#endif
