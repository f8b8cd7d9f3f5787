/* SPDX-License-Identifier: MIT */
/* Tokens and scopes; see auth.h. */
#include "http/auth.h"

#include <stdio.h>
#include <string.h>

#include "base/crypto.h"
#include "base/hex.h"
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
static const struct conf_token *find_token(const struct conf *conf, const uint8_t *digest,
	bool by_certificate, int64_t wall_ms, bool *ret_expired)
{
	const struct conf_token *valid = NULL, *expired = NULL;

	for (size_t i = 0; i < conf->token_count; i++) {
		const struct conf_token *token = &conf->tokens[i];

		if (!crypto_equal(token->sha256, digest, SHA256_BYTES) ||
			token->by_certificate != by_certificate)
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

/* What to say to a caller whose certificate has no entry. */
static void name_certificate(const struct auth_proof *proof, struct buf *out)
{
	if (!proof->certificate)
		return;
	buf_str(out, ", or add an entry with client_certificate: ");
	hex_encode(proof->certificate, SHA256_BYTES, out);
}

static enum error check_scope(const struct route *route, const struct auth_proof *proof,
	struct auth *ret, struct fault *fault)
{
	const char *scope = scope_name(route->scope);
	struct buf certificate = {0};

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
	name_certificate(proof, &certificate);
	fault_set(fault, ERR_UNAUTHORIZED,
		"a token with the scope %s is required: send Authorization: Bearer TOKEN%s", scope,
		certificate.n ? certificate.p : "");
	buf_release(&certificate);
	return ERR_UNAUTHORIZED;
}

/* A route without a scope checks the caller by itself; it needs a token or anonymous scopes. */
static bool may_pass(const struct route *route, const struct auth *auth)
{
	if (route->scope == SCOPE_NONE)
		return auth->token || auth->identity->scopes != 0;
	return scope_granted(auth->identity, route->scope);
}

bool auth_has_token(const struct auth *auth)
{
	return auth->token && !auth->token->by_certificate && !auth->by_login;
}

/* Of none. */
static void begin(const struct conf *conf, struct auth *ret)
{
	ret->identity = &conf->anonymous;
	ret->token = NULL;
	ret->by_login = ret->failed = false;
	ret->challenge[0] = '\0';
}

static enum error find_text(const struct conf *conf, struct slice text, int64_t wall_ms,
	struct auth *ret, struct fault *fault)
{
	uint8_t digest[SHA256_BYTES];
	bool expired;

	crypto_sha256(text, digest);
	ret->token = find_token(conf, digest, false, wall_ms, &expired);
	if (ret->token)
		return OK;
	return refuse_token(
		ret, expired ? "the token has expired" : "the token is not known", fault);
}

enum error auth_token(const struct conf *conf, struct slice token, int64_t wall_ms,
	struct auth *ret, struct fault *fault)
{
	begin(conf, ret);
	return find_text(conf, token, wall_ms, ret, fault);
}

static enum error find_bearer(const struct conf *conf, struct slice authorization, int64_t wall_ms,
	struct auth *ret, struct fault *fault)
{
	struct slice text;

	if (!bearer_text(authorization, &text))
		return refuse_token(ret, "the Authorization header is not `Bearer TOKEN`", fault);
	return find_text(conf, text, wall_ms, ret, fault);
}

/* A login whose token is no longer valid is none. */
static bool find_login(
	const struct conf *conf, const uint8_t *digest, int64_t wall_ms, struct auth *ret)
{
	bool expired;

	ret->token = find_token(conf, digest, false, wall_ms, &expired);
	ret->by_login = ret->token != NULL;
	return ret->by_login;
}

/* A certificate without an entry gives no more than the connection. */
static enum error find_certificate(const struct conf *conf, const uint8_t *digest, int64_t wall_ms,
	struct auth *ret, struct fault *fault)
{
	bool expired;

	ret->token = find_token(conf, digest, true, wall_ms, &expired);
	if (!expired)
		return OK;
	return refuse_token(ret, "the entry of the client certificate has expired", fault);
}

enum error auth_check(const struct conf *conf, const struct route *route,
	const struct auth_proof *proof, int64_t wall_ms, struct auth *ret, struct fault *fault)
{
	enum error error = OK;

	begin(conf, ret);
	if ((route->flags & ROUTE_OPEN) && route->scope == SCOPE_NONE)
		return OK;
	if (proof->authorization.p)
		error = find_bearer(conf, proof->authorization, wall_ms, ret, fault);
	else if ((!proof->login || !find_login(conf, proof->login, wall_ms, ret)) &&
		 proof->certificate)
		error = find_certificate(conf, proof->certificate, wall_ms, ret, fault);
	if (error)
		return error;
	if (ret->token)
		ret->identity = &ret->token->identity;
	if ((route->flags & ROUTE_OPEN) || may_pass(route, ret))
		return OK;
	return check_scope(route, proof, ret, fault);
}

static bool same_rights(const struct identity *a, const struct identity *b)
{
	if (a->scopes != b->scopes || a->key_prefix_count != b->key_prefix_count)
		return false;
	for (size_t i = 0; i < a->key_prefix_count; i++)
		if (!slice_equal(a->key_prefixes[i], b->key_prefixes[i]))
			return false;
	return true;
}

bool auth_renew(const struct conf *conf, struct auth *auth)
{
	const struct conf_token *old = auth->token, *token = NULL;

	for (size_t i = 0; old && i < conf->token_count && !token; i++) {
		const struct conf_token *one = &conf->tokens[i];

		if (one->by_certificate == old->by_certificate &&
			strcmp(one->name, old->name) == 0 &&
			memcmp(one->sha256, old->sha256, sizeof one->sha256) == 0)
			token = one;
	}
	const struct identity *who = token ? &token->identity : &conf->anonymous;

	if (!token != !old || !same_rights(who, auth->identity))
		return false;
	auth->token = token;
	auth->identity = who;
	return true;
}
