/* SPDX-License-Identifier: MIT */
#include "http/auth.h"

#include <string.h>

#include "../unit.h"
#include "base/crypto.h"

enum { now = 1000 };

static struct conf_token tokens[4];
static struct conf conf;
static struct auth auth;
static struct fault fault;

static const struct route read_route = {.method = "GET", .path = "/r", .scope = SCOPE_READ};
static const struct route warm_route = {.method = "POST", .path = "/w", .scope = SCOPE_WARM};
static const struct route open_route = {
	.method = "GET", .path = "/o", .scope = SCOPE_READ, .flags = ROUTE_OPEN};
static const struct route probe_route = {.method = "GET", .path = "/p", .flags = ROUTE_OPEN};

static void set_token(size_t i, char *name, const char *text, unsigned scopes, int64_t expires)
{
	tokens[i].name = name;
	crypto_sha256(slice_str(text), tokens[i].sha256);
	tokens[i].identity = (struct identity){.name = name, .scopes = scopes};
	tokens[i].expires_wall_ms = expires;
	tokens[i].by_certificate = false;
}

static enum error check(const struct route *route, const char *authorization)
{
	struct auth_proof sent = {0};

	set_token(0, "reader", "cw_reader", SCOPE_READ, -1);
	set_token(1, "old", "cw_twice", SCOPE_READ, now);
	set_token(2, "new", "cw_twice", SCOPE_READ | SCOPE_WARM, now + 1);
	set_token(3, "boss", "cw_boss", SCOPE_ADMIN, -1);
	conf.tokens = tokens;
	conf.token_count = 4;
	conf.anonymous.name = "anonymous";
	/* What an earlier request left there. */
	memcpy(auth.challenge, "junk", sizeof "junk");
	auth.failed = true;
	if (authorization)
		sent.authorization = slice_str(authorization);
	return auth_check(&conf, route, &sent, now, &auth, &fault);
}

START_TEST(a_token_gives_its_identity)
{
	ck_assert_int_eq(check(&read_route, "Bearer cw_reader"), OK);
	ck_assert_str_eq(auth.identity->name, "reader");
	ck_assert_ptr_eq(auth.token, &tokens[0]);
	ck_assert_str_eq(auth.challenge, "");
	ck_assert(!auth.failed);
	ck_assert_int_eq(check(&warm_route, "bearer cw_boss"), OK);
	ck_assert_str_eq(auth.identity->name, "boss");
}
END_TEST

START_TEST(without_a_token_the_anonymous_scopes_apply)
{
	ck_assert_int_eq(check(&read_route, NULL), ERR_UNAUTHORIZED);
	ck_assert_str_eq(auth.challenge, "Bearer realm=\"cachewarden\", scope=\"read\"");
	ck_assert(!auth.failed);
	conf.anonymous.scopes = SCOPE_READ;
	ck_assert_int_eq(check(&read_route, NULL), OK);
	ck_assert_str_eq(auth.identity->name, "anonymous");
	ck_assert_int_eq(check(&warm_route, NULL), ERR_UNAUTHORIZED);
}
END_TEST

START_TEST(a_missing_scope_is_forbidden)
{
	ck_assert_int_eq(check(&warm_route, "Bearer cw_reader"), ERR_FORBIDDEN);
	ck_assert_ptr_nonnull(strstr(auth.challenge, "error=\"insufficient_scope\""));
	ck_assert_ptr_nonnull(strstr(auth.challenge, "scope=\"warm\""));
	ck_assert(!auth.failed);
}
END_TEST

START_TEST(an_invalid_token_is_refused_even_where_none_is_needed)
{
	static const char *const bad[] = {"Bearer cw_readerx", "Bearer cw_reade", "Bearer ",
		"Bearer", "Basic Zm9vOmJhcg==", "", "cw_reader", "Bearer  cw_reader",
		"Bearer cw_reader "};

	conf.anonymous.scopes = SCOPE_READ;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		ck_assert_msg(check(&read_route, bad[i]) == ERR_UNAUTHORIZED, "%s", bad[i]);
		ck_assert(auth.failed);
		ck_assert_ptr_nonnull(strstr(auth.challenge, "error=\"invalid_token\""));
		ck_assert_ptr_null(strstr(fault.detail, "expired"));
		ck_assert_msg(check(&open_route, bad[i]) == ERR_UNAUTHORIZED, "%s", bad[i]);
	}
}
END_TEST

START_TEST(an_open_route_still_identifies_the_caller)
{
	ck_assert_int_eq(check(&open_route, NULL), OK);
	ck_assert_ptr_eq(auth.identity, &conf.anonymous);
	ck_assert_int_eq(check(&open_route, "Bearer cw_reader"), OK);
	ck_assert_str_eq(auth.identity->name, "reader");
	ck_assert_int_eq(check(&probe_route, "Bearer stale"), OK);
	ck_assert_ptr_eq(auth.identity, &conf.anonymous);
}
END_TEST

START_TEST(an_expired_token_is_refused_but_not_its_twin)
{
	const struct auth_proof twice = {.authorization = SLICE("Bearer cw_twice")};

	ck_assert_int_eq(check(&warm_route, "Bearer cw_twice"), OK);
	ck_assert_str_eq(auth.identity->name, "new");
	ck_assert_int_eq(
		auth_check(&conf, &read_route, &twice, now + 1, &auth, &fault), ERR_UNAUTHORIZED);
	ck_assert(auth.failed);
	ck_assert_ptr_nonnull(strstr(fault.detail, "expired"));
}
END_TEST

START_TEST(a_certificate_gives_its_entry_and_no_more)
{
	uint8_t digest[SHA256_BYTES];
	struct auth_proof proof = {.certificate = digest};

	check(&read_route, NULL);
	crypto_sha256(SLICE("der"), digest);
	ck_assert_int_eq(
		auth_check(&conf, &read_route, &proof, now, &auth, &fault), ERR_UNAUTHORIZED);
	ck_assert(!auth.failed);
	ck_assert_ptr_nonnull(strstr(fault.detail, "client_certificate: "));
	/* A token of the same bytes is another thing. */
	set_token(0, "ops", "der", SCOPE_READ, now + 1);
	ck_assert_int_eq(
		auth_check(&conf, &read_route, &proof, now, &auth, &fault), ERR_UNAUTHORIZED);
	tokens[0].by_certificate = true;
	ck_assert_int_eq(auth_check(&conf, &read_route, &proof, now, &auth, &fault), OK);
	ck_assert_str_eq(auth.identity->name, "ops");
	ck_assert(!auth_has_token(&auth));
	ck_assert_int_eq(auth_check(&conf, &warm_route, &proof, now, &auth, &fault), ERR_FORBIDDEN);
	ck_assert_int_eq(
		auth_check(&conf, &read_route, &proof, now + 1, &auth, &fault), ERR_UNAUTHORIZED);
	ck_assert(auth.failed);
	ck_assert_ptr_nonnull(strstr(fault.detail, "expired"));
	/* A token takes precedence, a wrong one, too. */
	proof.authorization = SLICE("Bearer cw_boss");
	ck_assert_int_eq(auth_check(&conf, &warm_route, &proof, now, &auth, &fault), OK);
	ck_assert_str_eq(auth.identity->name, "boss");
	ck_assert(auth_has_token(&auth));
	proof.authorization = SLICE("Bearer der");
	ck_assert_int_eq(
		auth_check(&conf, &read_route, &proof, now, &auth, &fault), ERR_UNAUTHORIZED);
	ck_assert_ptr_nonnull(strstr(fault.detail, "not known"));
}
END_TEST

/* The caller of a stream, after a reload to another configuration. */
static bool renewed(const char *authorization, void (*change)(void))
{
	static struct conf before, after;
	static struct conf_token old[4];

	ck_assert_int_eq(check(&read_route, authorization), OK);
	memcpy(old, tokens, sizeof old);
	before = conf;
	before.tokens = old;
	if (auth.token)
		auth.token = &old[auth.token - tokens];
	auth.identity = auth.token ? &auth.token->identity : &before.anonymous;
	if (change)
		change();
	after = conf;
	bool kept = auth_renew(&after, &auth);

	if (kept)
		ck_assert(auth.identity == (auth.token ? &auth.token->identity : &after.anonymous));
	if (kept && auth.token)
		ck_assert(auth.token >= tokens && auth.token < tokens + 4);
	conf.anonymous.scopes = 0;
	return kept;
}

static void drop_all(void)
{
	conf.token_count = 0;
}

static void change_scopes(void)
{
	tokens[0].identity.scopes |= SCOPE_WARM;
}

static void change_prefixes(void)
{
	static const struct slice prefix = {"app:", 4};

	tokens[0].identity.key_prefixes = &prefix;
	tokens[0].identity.key_prefix_count = 1;
}

static void change_digest(void)
{
	tokens[0].sha256[3] ^= 1;
}

static void swap_tokens(void)
{
	struct conf_token first = tokens[0];

	tokens[0] = tokens[3];
	tokens[3] = first;
}

static void close_to_all(void)
{
	conf.anonymous.scopes = 0;
}

START_TEST(a_reload_keeps_callers_with_the_same_rights)
{
	ck_assert(renewed("Bearer cw_reader", NULL));
	ck_assert(renewed("Bearer cw_reader", swap_tokens));
	ck_assert(!renewed("Bearer cw_reader", drop_all));
	ck_assert(!renewed("Bearer cw_reader", change_scopes));
	ck_assert(!renewed("Bearer cw_reader", change_prefixes));
	ck_assert(!renewed("Bearer cw_reader", change_digest));
	conf.anonymous.scopes = SCOPE_READ;
	ck_assert(renewed(NULL, drop_all));
	conf.anonymous.scopes = SCOPE_READ;
	ck_assert(!renewed(NULL, close_to_all));
}
END_TEST

TEST_SUITE("auth", a_reload_keeps_callers_with_the_same_rights,
	a_certificate_gives_its_entry_and_no_more, a_token_gives_its_identity,
	without_a_token_the_anonymous_scopes_apply, a_missing_scope_is_forbidden,
	an_invalid_token_is_refused_even_where_none_is_needed,
	an_open_route_still_identifies_the_caller, an_expired_token_is_refused_but_not_its_twin)
