/* SPDX-License-Identifier: MIT */
/*
 * Authentication: bearer tokens (RFC 6750), compared with the configuration's digests.
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
	const struct conf_token *token;	 /* NULL = anonymous */
	bool failed;			 /* a token was sent and is not valid */
	/* The WWW-Authenticate header of a refusal, else "". */
	char challenge[AUTH_MAX_CHALLENGE];
};

/*
 * Checks whether the sender of `authorization` (p NULL: none was sent) may use `route` at
 * `wall_ms`. ERR_UNAUTHORIZED or ERR_FORBIDDEN, with the challenge to send.
 */
enum error auth_check(const struct conf *conf, const struct route *route,
	struct slice authorization, int64_t wall_ms, struct auth *ret, struct fault *fault);
/* The challenge for a token without `scope`. */
void auth_challenge_scope(enum scope scope, char ret[AUTH_MAX_CHALLENGE]);

#endif
