/* SPDX-License-Identifier: MIT */
/*
 * Access to keys; see guard.h. guard_derived() is called for each key that a pass finds, so it must
 * decide in a fraction of a microsecond.
 */
#include "cache/guard.h"

#include <string.h>

#include "cache/cache.h"
#include "text/glob.h"

static const struct slice session_prefix = SLICE(GUARD_SESSION_PREFIX);

enum { shown_bytes = 120 };

void guard_init_few(struct guard *guard, const struct conf *conf, const struct identity *who)
{
	guard->conf = conf;
	guard->who = who;
	guard->own_prefix = slice_str(conf->redis.own_prefix);
	guard->ready_count = 0;
}

void guard_init(struct guard *guard, const struct conf *conf, const struct identity *who)
{
	guard_init_few(guard, conf, who);
	for (size_t i = 0; i < conf->protected_count && i < GUARD_READY; i++)
		pattern_init(&guard->ready[guard->ready_count++], conf->protected[i]);
}

/* As much of a name as a message takes. */
static int shown(struct slice key)
{
	return (int)(key.n < shown_bytes ? key.n : shown_bytes);
}

enum error guard_check_key(struct slice key, struct fault *fault)
{
	if (key.n == 0)
		return fault_set(fault, ERR_BAD_KEY, "the key is empty");
	if (key.n > KEY_MAX_BYTES)
		return fault_set(fault, ERR_BAD_KEY,
			"the key '%.*s...' has %zu bytes; at most %d are taken", shown(key), key.p,
			key.n, KEY_MAX_BYTES);
	return OK;
}

static bool reserved(const struct guard *guard, struct slice key)
{
	return (guard->own_prefix.n && slice_starts(key, guard->own_prefix)) ||
	       slice_starts(key, session_prefix) || slice_is(key, CACHE_PREFIXES);
}

/* Whether a pattern's first byte stands for itself and is not the key's: most patterns end here. */
static bool begins_otherwise(struct slice glob, struct slice key)
{
	return glob.n && key.n && glob.p[0] != key.p[0] && !strchr("*?[\\", glob.p[0]);
}

static bool protected(const struct guard *guard, struct slice key)
{
	for (size_t i = 0; i < guard->ready_count; i++)
		if (pattern_match(&guard->ready[i], key))
			return true;
	for (size_t i = guard->ready_count; i < guard->conf->protected_count; i++) {
		struct slice glob = guard->conf->protected[i];

		if (!begins_otherwise(glob, key) && glob_match(glob, key))
			return true;
	}
	return false;
}

const struct slice *guard_protecting(const struct conf *conf, struct slice key)
{
	for (size_t i = 0; i < conf->protected_count; i++)
		if (!begins_otherwise(conf->protected[i], key) &&
			glob_match(conf->protected[i], key))
			return &conf->protected[i];
	return NULL;
}

const char *guard_protects_by(const struct conf *conf, const struct slice *pattern)
{
	return pattern < conf->protected + conf->default_protected_count ? "cache.default_protected"
									 : "cache.protected";
}

/* Why no caller may use it here: two kinds of keys are cachewarden's own. */
static enum error refuse_reserved(struct slice key, struct fault *fault)
{
	if (slice_starts(key, session_prefix))
		return fault_set(fault, ERR_KEY_RESERVED,
			"'%.*s' is reserved for sessions: only requests about sessions use it",
			shown(key), key.p);
	return fault_set(fault, ERR_KEY_RESERVED,
		"'%.*s' is reserved for cachewarden's own use (tags, dependencies, operations, "
		"...): only requests about these use it",
		shown(key), key.p);
}

static enum error refuse_protected(const struct guard *guard, struct slice key, struct fault *fault)
{
	const struct slice *pattern = guard_protecting(guard->conf, key);

	return fault_set(fault, ERR_KEY_PROTECTED,
		"'%.*s' is protected by the pattern '%.*s' of %s; only a token with scope admin "
		"may name it",
		shown(key), key.p, pattern ? shown(*pattern) : 0, pattern ? pattern->p : "",
		pattern ? guard_protects_by(guard->conf, pattern) : "cache.protected");
}

bool guard_inside_prefixes(const struct identity *who, struct slice key)
{
	for (size_t i = 0; i < who->key_prefix_count; i++)
		if (slice_starts(key, who->key_prefixes[i]))
			return true;
	return who->key_prefix_count == 0;
}

enum error guard_exact(const struct guard *guard, struct slice key, struct fault *fault)
{
	if (reserved(guard, key))
		return refuse_reserved(key, fault);
	if (!guard_inside_prefixes(guard->who, key))
		return fault_set(fault, ERR_KEY_OUTSIDE_PREFIXES,
			"'%.*s' is outside the key_prefixes of token '%s'", shown(key), key.p,
			guard->who->name);
	if (!scope_granted(guard->who, SCOPE_ADMIN) && protected(guard, key))
		return refuse_protected(guard, key, fault);
	return OK;
}

enum guard_verdict guard_derived(const struct guard *guard, struct slice key)
{
	if (!guard_inside_prefixes(guard->who, key))
		return GUARD_OUTSIDE;
	if (reserved(guard, key) || protected(guard, key))
		return GUARD_PROTECTED;
	return GUARD_ALLOWED;
}

enum error guard_pattern(const struct guard *guard, struct slice pattern, struct fault *fault)
{
	struct buf prefix = {0};
	enum error error = OK;

	glob_prefix(pattern, &prefix);
	if (reserved(guard, buf_slice(&prefix)))
		error = fault_set(fault, ERR_KEY_RESERVED,
			"'%.*s' can only match keys that are reserved for cachewarden",
			shown(pattern), pattern.p);
	else if (!guard_inside_prefixes(guard->who, buf_slice(&prefix)))
		error = fault_set(fault, ERR_KEY_OUTSIDE_PREFIXES,
			"'%.*s' does not begin with one of the key_prefixes of token '%s'",
			shown(pattern), pattern.p, guard->who->name);
	buf_release(&prefix);
	return error;
}
