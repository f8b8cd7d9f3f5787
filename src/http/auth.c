/* SPDX-License-Identifier: MIT */
/* Tokens and scopes; see auth.h. */
#include "http/auth.h"

#include <stdio.h>
#include <string.h>

#include "base/crypto.h"
#include "text/field.h"

/* Longer tokens are refused without being hashed. */
enum { max_token_bytes = 512 };

static bool bearer_text(struct slice authorization, struct slice *ret)
{
	static const struct slice scheme = SLICE("Bearer ");

	if (authorization.n <= scheme.n || authorization.n > scheme.n + max_token_bytes ||
		!field_equal(slice_of(authorization.p, scheme.n), scheme))
		return false;
	*ret = slice_skip(authorization, scheme.n);
	return true;
}

/* The first that is valid, else the first that has expired; every digest is compared. */
static const struct conf_token *find_token(
	const struct conf *conf, struct slice text, int64_t wall_ms, bool *ret_expired)
{
	const struct conf_token *valid = NULL, *expired = NULL;
	uint8_t digest[SHA256_BYTES];

	crypto_sha256(text, digest);
	for (size_t i = 0; i < conf->token_count; i++) {
		const struct conf_token *token = &conf->tokens[i];

		if (!crypto_equal(token->sha256, digest, sizeof digest))
			continue;
		if (token->expires_wall_ms >= 0 && token->expires_wall_ms <= wall_ms)
			expired = expired ? expired : token;
		else
			valid = valid ? valid : token;
	}
	*ret_expired = !valid && expired;
	return valid;
}

static enum error refuse_token(struct auth *ret, const char *why, struct fault *fault)
{
	ret->failed = true;
	snprintf(ret->challenge, sizeof ret->challenge,
		"Bearer realm=\"cachewarden\", error=\"invalid_token\", error_description=\"%s\"",
		why);
	return fault_set(fault, ERR_UNAUTHORIZED, "%s", why);
}

void auth_challenge_scope(enum scope scope, char ret[AUTH_MAX_CHALLENGE])
{
	snprintf(ret, AUTH_MAX_CHALLENGE,
		"Bearer realm=\"cachewarden\", error=\"insufficient_scope\", scope=\"%s\"",
		scope_name(scope));
}

static enum error check_scope(const struct route *route, struct auth *ret, struct fault *fault)
{
	const char *scope = scope_name(route->scope);

	if (route->scope == SCOPE_NONE) {
		snprintf(ret->challenge, sizeof ret->challenge, "Bearer realm=\"cachewarden\"");
		return fault_set(fault, ERR_UNAUTHORIZED,
			"a token is required: send Authorization: Bearer TOKEN");
	}
	if (ret->token) {
		auth_challenge_scope(route->scope, ret->challenge);
		return fault_set(fault, ERR_FORBIDDEN, "the token %s lacks the scope %s",
			ret->token->name, scope);
	}
	snprintf(ret->challenge, sizeof ret->challenge,
		"Bearer realm=\"cachewarden\", scope=\"%s\"", scope);
	return fault_set(fault, ERR_UNAUTHORIZED,
		"a token with the scope %s is required: send Authorization: Bearer TOKEN", scope);
}

/* A route without a scope checks the caller by itself; it needs a token or anonymous scopes. */
static bool may_pass(const struct route *route, const struct auth *auth)
{
	if (route->scope == SCOPE_NONE)
		return auth->token || auth->identity->scopes != 0;
	return scope_granted(auth->identity, route->scope);
}

enum error auth_check(const struct conf *conf, const struct route *route,
	struct slice authorization, int64_t wall_ms, struct auth *ret, struct fault *fault)
{
	struct slice text;
	bool expired;

	ret->identity = &conf->anonymous;
	ret->token = NULL;
	ret->failed = false;
	ret->challenge[0] = '\0';
	if ((route->flags & ROUTE_OPEN) && route->scope == SCOPE_NONE)
		return OK;
	if (authorization.p) {
		if (!bearer_text(authorization, &text))
			return refuse_token(
				ret, "the Authorization header is not `Bearer TOKEN`", fault);
		ret->token = find_token(conf, text, wall_ms, &expired);
		if (!ret->token)
			return refuse_token(ret,
				expired ? "the token has expired" : "the token is not known",
				fault);
		ret->identity = &ret->token->identity;
	}
	if ((route->flags & ROUTE_OPEN) || may_pass(route, ret))
		return OK;
	return check_scope(route, ret, fault);
}
