/* SPDX-License-Identifier: MIT */
/*
 * Authentication: bearer tokens (RFC 6750), logins made with one, and client certificates, compared
 * with the configuration's digests. Of what a request has, the first of these counts alone.
 *
 * The digest of the token that was sent is compared with every configured one, in constant time. A
 * request with an invalid token is refused even if the route needs none, except on open routes
 * without a scope: a probe must not fail because of it.
 */
#ifndef CW_HTTP_AUTH_H
#define CW_HTTP_AUTH_H

#include "base/buf.h"
#include "base/fault.h"
#include "conf/conf.h"
#include "http/route.h"

enum { AUTH_MAX_CHALLENGE = 256 };

struct auth {
	const struct identity *identity; /* never NULL; of the snapshot */
	const struct conf_token *token;	 /* or client certificate; NULL = anonymous */
	bool by_login;			 /* the token is that of a login's cookie */
	bool failed;			 /* a token was sent and is not valid */
	/* The WWW-Authenticate header of a refusal, else "". */
	char challenge[AUTH_MAX_CHALLENGE];
};

/* What a caller has sent. */
struct auth_proof {
	struct slice authorization; /* p NULL = none */
	const uint8_t *login;	    /* the SHA-256 of the token of its login; NULL = none */
	const uint8_t *certificate; /* the SHA-256 of one that TLS has verified; NULL = none */
};

/*
 * Checks whether the sender of `proof` may use `route` at `wall_ms`. ERR_UNAUTHORIZED or
 * ERR_FORBIDDEN, with the challenge to send.
 */
enum error auth_check(const struct conf *conf, const struct route *route,
	const struct auth_proof *proof, int64_t wall_ms, struct auth *ret, struct fault *fault);
/* Finds the token itself, for a login: ERR_UNAUTHORIZED if it is not valid. */
enum error auth_token(const struct conf *conf, struct slice token, int64_t wall_ms,
	struct auth *ret, struct fault *fault);
/*
 * Whether the caller of a long request has the same rights by another configuration; *auth then
 * refers to that one.
 */
bool auth_renew(const struct conf *conf, struct auth *auth);
/*
 * Whether the caller has sent a token. Without one, the request may be that of a browser which a
 * page of another site made send it: browsers add cookies and client certificates by themselves.
 */
bool auth_has_token(const struct auth *auth);
/* The challenge for a token without `scope`. */
void auth_challenge_scope(enum scope scope, char ret[AUTH_MAX_CHALLENGE]);

#endif
