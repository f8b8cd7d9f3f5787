/* SPDX-License-Identifier: MIT */
/*
 * Who asks: bearer tokens (RFC 6750) against the configuration's digests.
 *
 * The digest of what was sent is compared with every configured one, in the same time wherever it
 * is found or whether it is. A token that was sent and is not valid refuses the request even where
 * no token would have done, save on open routes that need no scope: a probe must not fail over it.
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
	const struct conf_token *token;	 /* NULL for the anonymous */
	bool failed;			 /* a token was sent and is not valid */
	/* The WWW-Authenticate header of a refusal, else "". */
	char challenge[AUTH_MAX_CHALLENGE];
};

/*
 * Whether the sender of `authorization` (p NULL: nothing was sent) may use `route` at `wall_ms`.
 * ERR_UNAUTHORIZED or ERR_FORBIDDEN with the challenge to send.
 */
enum error auth_check(const struct conf *conf, const struct route *route,
	struct slice authorization, int64_t wall_ms, struct auth *ret, struct fault *fault);
/* The challenge to a token that lacks `scope`. */
void auth_challenge_scope(enum scope scope, char ret[AUTH_MAX_CHALLENGE]);

#endif
