/* SPDX-License-Identifier: MIT */
/*
 * Access to keys: checked here for every key that a route, job or selector names or finds.
 *
 *	cw: (own_prefix)   no caller
 *	session:           the session routes only
 *	protected          scope admin, and only by its exact name
 *	outside prefixes   not this caller
 */
#ifndef CW_CACHE_GUARD_H
#define CW_CACHE_GUARD_H

#include "cache/pattern.h"
#include "conf/conf.h"

/* The session routes' keys: no part of the configuration, because other routes never have them. */
#define GUARD_SESSION_PREFIX "session:"

enum { KEY_MAX_BYTES = 1024, GUARD_READY = 32 };

/* The rules of one configuration for one caller. Borrows both. */
struct guard {
	const struct conf *conf;
	const struct identity *who;
	struct slice own_prefix;
	size_t ready_count;
	struct pattern ready[GUARD_READY]; /* the first of conf->protected */
};

void guard_init(struct guard *guard, const struct conf *conf, const struct identity *who);
/* The same for one or two keys, without preparing patterns, which would cost more than it saves. */
void guard_init_few(struct guard *guard, const struct conf *conf, const struct identity *who);

/* Empty or longer than KEY_MAX_BYTES: ERR_BAD_KEY. */
enum error guard_check_key(struct slice key, struct fault *fault);
/* A key named exactly: ERR_KEY_RESERVED, ERR_KEY_PROTECTED, ERR_KEY_OUTSIDE_PREFIXES, naming it. */
enum error guard_exact(const struct guard *guard, struct slice key, struct fault *fault);

/*
 * The pattern that protects `key`, an element of conf->protected; NULL = none. guard_protects_by()
 * is its place: "cache.protected", or "cache.default_protected" for one of the built-in ones.
 */
const struct slice *guard_protecting(const struct conf *conf, struct slice key);
const char *guard_protects_by(const struct conf *conf, const struct slice *pattern);

/* Whether `key` begins with one of the caller's prefixes, or the caller has none. */
bool guard_inside_prefixes(const struct identity *who, struct slice key);

enum guard_verdict { GUARD_ALLOWED, GUARD_PROTECTED, GUARD_OUTSIDE };
/* A key that a pattern or rule came upon. Own and session keys count as protected. */
enum guard_verdict guard_derived(const struct guard *guard, struct slice key);
/*
 * A pattern must begin literally with one of the caller's prefixes, if there are any; one that can
 * only match reserved keys gives ERR_KEY_RESERVED.
 */
enum error guard_pattern(const struct guard *guard, struct slice pattern, struct fault *fault);

#endif
