/* SPDX-License-Identifier: MIT */
/* The permission check, and what follows from a denied command; see capabilities.h. */
#include "redis/capabilities.h"

#include <string.h>

#include "redis/commands.h"
#include "redis/pipeline.h"

/* clang-format off */
/*
 * A row per feature: its name in messages, and the commands that it needs, including those of its
 * scripts; of A/B one is enough.
 */
#define FEATURES(X) \
	X(FIGURES, "the server's figures", "INFO") \
	X(CONNECTION, "checks of the connection", "PING MULTI DISCARD") \
	X(LAYOUT, "the check of the key layout", "HGET HSETNX") \
	X(READ, "reading keys", "PTTL GETRANGE STRLEN MULTI EXEC") \
	X(LIST, "listing keys", "SCAN") \
	X(WRITE, "storing keys", "MULTI EXEC EXISTS SET ZADD DEL UNLINK RPUSHX") \
	X(CONDITIONS, "conditional writes", "WATCH EVAL MULTI EXEC GET PTTL GETRANGE UNLINK") \
	X(DELETE, "deleting keys", "XADD UNLINK/DEL") \
	X(EXPIRE, "changing TTLs", "EVAL EXISTS PEXPIRE PERSIST PTTL") \
	X(INVALIDATE, "invalidation", "XADD EXISTS UNLINK/DEL SRANDMEMBER") \
	X(PATTERNS, "invalidation by pattern", "XADD INFO DBSIZE SCAN UNLINK/DEL CLUSTER|NODES " \
		"CLUSTER|GETKEYSINSLOT CLUSTER|COUNTKEYSINSLOT") \
	X(SOFT, "soft invalidation", "EVAL PTTL PEXPIRE SET UNLINK") \
	X(TAGS, "tags", "ZADD PTTL ZSCAN ZCARD EXISTS INFO DBSIZE UNLINK/DEL") \
	X(TAG_LISTS, "the list of tags", "ZADD RENAME UNLINK HSET HGETALL ZRANGEBYLEX") \
	X(PRUNER, "the pruner", "SCAN SET GET EVAL DEL PEXPIRE TIME EXISTS ZSCAN ZSCORE ZADD ZREM " \
		"PTTL SCARD SMEMBERS UNLINK RENAME HSET") \
	X(DEPENDENCIES, "stored dependencies", "SRANDMEMBER PTTL EVAL SADD SREM SCARD PERSIST " \
		"PEXPIRE DEL UNLINK SCAN") \
	X(LEASES, "leases and the storing of results", "SET GET EVAL EXISTS DEL PTTL UNLINK " \
		"PERSIST PEXPIRE ZADD XRANGE XREVRANGE GETRANGE") \
	X(WARM, "warm runs", "SET GET EVAL DEL PEXPIRE XRANGE XREVRANGE UNLINK ZADD WATCH MULTI " \
		"EXEC LINDEX LLEN LRANGE RPUSH RPOP XADD PERSIST") \
	X(SWAP, "warm jobs of mode swap", "ZREVRANGEBYSCORE TIME EVAL ZSCORE ZADD ZREM PEXPIRE " \
		"XADD UNLINK/DEL") \
	X(SESSIONS, "sessions", "EVAL GET GETRANGE SET SETRANGE PTTL PEXPIRE EXISTS DEL ZADD " \
		"ZREM ZSCORE ZRANGE ZCARD") \
	X(OPERATIONS, "the record of operations", "SET GET MGET EXISTS ZADD ZREVRANGEBYSCORE " \
		"ZREMRANGEBYRANK ZREM") \
	X(EVENTS, "events of all daemons", "XADD XRANGE") \
	X(EXPLAIN, "explain", "TYPE PTTL STRLEN GETRANGE EVAL EXISTS ZSCORE XREVRANGE SRANDMEMBER " \
		"ZRANGEBYLEX") \
	X(SLOT_MAP, "the map of the cluster's slots", "CLUSTER|INFO CLUSTER|SLOTS") \
	X(MOVING_KEYS, "keys that are moved to another server", "ASKING")
/* clang-format on */

static const struct feature_row {
	const char *name;
	const char *needs;
} features[REDIS_FEATURES] = {
#define X(feature, name, needs) [FEATURE_##feature] = {name, needs},
	FEATURES(X)
#undef X
};

/* The bit after all commands: keys of our own are denied. */
enum { OWN_KEYS = 63 };

_Static_assert((int)COMMAND_COUNT <= (int)OWN_KEYS, "a set of commands is 64 bits");

static uint64_t bit(unsigned i)
{
	return UINT64_C(1) << i;
}

/* One or several commands of which one is enough. */
static uint64_t any_of(struct slice words)
{
	uint64_t set = 0;

	while (words.n)
		set |= bit(commands_find(slice_take(&words, '/')));
	return set;
}

static uint64_t needs_of(enum redis_feature feature, uint64_t lacks, uint64_t *ret_lacked)
{
	struct slice left = slice_str(features[feature].needs);
	uint64_t all = 0;

	*ret_lacked = 0;
	while (left.n) {
		uint64_t any = any_of(slice_take(&left, ' '));

		all |= any;
		if ((any & lacks) == any)
			*ret_lacked |= any;
	}
	return all;
}

/* Whether a check asks for the command, beside MULTI, DISCARD and EXEC. */
static bool is_checked(const struct capabilities *capabilities, enum capabilities_check check,
	enum redis_command command)
{
	return check != CHECK_FIRST && command != COMMAND_MULTI && command != COMMAND_EXEC &&
	       command != COMMAND_DISCARD && (check == CHECK_ALL || !commands_may_write(command)) &&
	       (capabilities->in_cluster || commands_rows[command].kind != IN_CLUSTER);
}

static void add_command(struct pipeline *pipeline, const struct commands_row *row, struct slice key)
{
	struct slice argv[2 + COMMANDS_MAX_ARGUMENTS], name = slice_str(row->name);
	size_t argc = 0;

	while (name.n)
		argv[argc++] = slice_take(&name, '|');
	for (size_t i = 0; i < COMMANDS_MAX_ARGUMENTS && row->arguments[i]; i++) {
		struct slice argument = slice_str(row->arguments[i]);

		argv[argc++] = slice_is(argument, KEY) ? key : argument;
	}
	pipeline_add(pipeline, argc, argv);
}

size_t capabilities_add_check(const struct capabilities *capabilities, struct pipeline *pipeline,
	enum capabilities_check check, struct slice key)
{
	size_t first = pipeline_add(pipeline, 1, (struct slice[]){SLICE("MULTI")});

	for (unsigned i = 0; i < COMMAND_COUNT; i++)
		if (is_checked(capabilities, check, i))
			add_command(pipeline, &commands_rows[i], key);
	pipeline_add(pipeline, 1, (struct slice[]){SLICE("DISCARD")});
	/* Ends a MULTI that DISCARD may not; else the reply is an error, which shows the
	 * permission. */
	if (check == CHECK_FIRST)
		pipeline_add(pipeline, 1, (struct slice[]){SLICE("EXEC")});
	return first;
}

/* The command at `at` of a check. */
static enum redis_command asked_at(
	const struct capabilities *capabilities, enum capabilities_check check, size_t at)
{
	if (at == 0)
		return COMMAND_MULTI;
	if (check == CHECK_FIRST && at == 2)
		return COMMAND_EXEC;
	for (unsigned i = 0; i < COMMAND_COUNT; i++)
		if (is_checked(capabilities, check, i) && --at == 0)
			return i;
	return COMMAND_DISCARD;
}

/* What a check is about to find out anew. */
static uint64_t checked(const struct capabilities *capabilities, enum capabilities_check check)
{
	uint64_t set = 0;

	for (unsigned i = 0; i < COMMAND_COUNT; i++)
		if (is_checked(capabilities, check, i))
			set |= bit(i);
	return set;
}

static void note(
	struct capabilities *capabilities, enum redis_command command, enum redis_refusal refusal)
{
	uint64_t denied = 0, unknown = 0;

	switch (refusal) {
	case REFUSAL_NONE:
	case REFUSAL_NOPERM:
	case REFUSAL_MULTI:
	case REFUSAL_MOVED: /* permissions are checked before the slot is */
		break;
	case REFUSAL_DENIED:
		denied = bit(command);
		break;
	case REFUSAL_UNKNOWN:
	case REFUSAL_OTHER:
		unknown = bit(command);
		break;
	case REFUSAL_STATE:
	case REFUSAL_REPLICA:
	case REFUSAL_NO_PRIMARY:
	case REFUSAL_CLUSTER:
	case REFUSAL_TRY_AGAIN:
		/* The server's state says nothing about permissions. */
		capabilities->unsaid = true;
		return;
	}
	capabilities->denied = (capabilities->denied & ~bit(command)) | denied;
	capabilities->unknown = (capabilities->unknown & ~bit(command)) | unknown;
}

void capabilities_take_reply(struct capabilities *capabilities, enum capabilities_check check,
	size_t at, const struct redis_value *reply)
{
	enum redis_command command = asked_at(capabilities, check, at);
	enum redis_refusal refusal = redis_value_refusal(reply, NULL);
	bool allowed = refusal == REFUSAL_NONE || refusal == REFUSAL_MULTI;

	if (command == COMMAND_MULTI) {
		/* Of reads alone it says less than a check of all. */
		capabilities->unsaid = capabilities->unsaid && check == CHECK_READS;
		capabilities->can_check = allowed;
		capabilities->own_keys &= ~checked(capabilities, check);
	}
	if (refusal == REFUSAL_NOPERM)
		capabilities->own_keys |= bit(command);
	note(capabilities, command, refusal);
	if (command == COMMAND_DISCARD)
		capabilities->can_check = capabilities->can_check && allowed;
}

bool capabilities_can_check(const struct capabilities *capabilities)
{
	return capabilities->can_check;
}

bool capabilities_refused(struct capabilities *capabilities, const struct redis_value *reply)
{
	struct slice name;
	enum redis_refusal refusal = redis_value_refusal(reply, &name);

	if (refusal != REFUSAL_DENIED && refusal != REFUSAL_UNKNOWN)
		return false;
	enum redis_command command = commands_find(name);

	if (command == COMMAND_COUNT)
		return false;
	note(capabilities, command, refusal);
	return true;
}

uint64_t capabilities_lacks(const struct capabilities *capabilities)
{
	return capabilities->denied | capabilities->unknown |
	       (capabilities->own_keys ? bit(OWN_KEYS) : 0);
}

bool capabilities_lack(const struct capabilities *capabilities, const char *command)
{
	return capabilities_lacks(capabilities) & bit(commands_find(slice_str(command)));
}

static void add_features(uint64_t lacks, unsigned command, struct buf *out)
{
	for (unsigned i = 0; i < REDIS_FEATURES; i++) {
		uint64_t lacked;

		needs_of(i, lacks, &lacked);
		if (!(lacked & bit(command)))
			continue;
		buf_str(out, out->n ? ", " : "");
		buf_str(out, features[i].name);
	}
}

static void lower(const char *name, char *to, size_t size)
{
	size_t n = 0;

	for (; name[n] && n + 1 < size; n++)
		to[n] = (char)(name[n] | 0x20);
	to[n] = '\0';
}

void capabilities_lack_parts(
	const struct capabilities_server *server, unsigned i, struct redis_lack *ret)
{
	const struct capabilities *capabilities = server->capabilities;
	bool has_user = server->user && *server->user;

	*ret = (struct redis_lack){
		.user = has_user ? server->user : "default", .own_key = server->key};
	if (i == OWN_KEYS)
		return;
	ret->command = commands_rows[i].name;
	ret->denied = capabilities->denied & bit(i);
	lower(ret->command, ret->command_lower, sizeof ret->command_lower);
	add_features(capabilities_lacks(capabilities), i, &ret->features);
}

void capabilities_sentence(const struct capabilities_server *server, unsigned i, struct buf *out)
{
	const char *name = server->name;
	struct redis_lack lack;

	capabilities_lack_parts(server, i, &lack);
	if (!lack.command)
		buf_printf(out,
			"Redis at %s denies keys such as %s to the user %s: allow it "
			"cachewarden's own keys",
			name, lack.own_key, lack.user);
	else if (lack.denied)
		buf_printf(out,
			"Redis at %s denies %s to the user %s (ACL SETUSER %s +%s allows it)", name,
			lack.command, lack.user, lack.user, lack.command);
	else
		buf_printf(out,
			"the server at %s does not know %s (rename-command, or a proxy without it)",
			name, lack.command);
	if (lack.features.n) {
		buf_str(out, "; without it these do not work: ");
		buf_add(out, buf_slice(&lack.features));
	}
	buf_release(&lack.features);
}

uint64_t capabilities_used(bool warms)
{
	uint64_t used = bit(OWN_KEYS), lacked;

	for (unsigned i = 0; i < REDIS_FEATURES; i++)
		if ((i != FEATURE_WARM && i != FEATURE_SWAP) || warms)
			used |= needs_of(i, 0, &lacked);
	return used;
}

void capabilities_acl(const struct capabilities_server *server, bool warms, struct buf *out)
{
	bool has_user = server->user && *server->user;
	uint64_t used = capabilities_used(warms);
	char name[24];

	buf_printf(out, "ACL SETUSER %s on >PASSWORD ~*", has_user ? server->user : "cachewarden");
	for (unsigned i = 0; i < COMMAND_COUNT; i++) {
		if (!(used & bit(i)) ||
			(commands_rows[i].kind == IN_CLUSTER && !server->capabilities->in_cluster))
			continue;
		lower(commands_rows[i].name, name, sizeof name);
		buf_printf(out, " +%s", name);
	}
	/* What only figures depend on: they are left out where it is denied. */
	buf_str(out, " +memory|usage +randomkey +object|idletime +object|freq +client|list"
		     " +slowlog|get +latency|histogram +client|setname");
}

static enum error deny(
	const struct capabilities_server *server, uint64_t lacked, struct fault *fault)
{
	struct buf text = {0};
	unsigned i = 0;

	while (!(lacked & bit(i)))
		i++;
	capabilities_sentence(server, i, &text);
	fault_set(fault, ERR_REDIS_NOPERM, "%.*s", (int)text.n, text.p);
	buf_release(&text);
	return ERR_REDIS_NOPERM;
}

/* A replica may be read; commands that are not in the table need a primary. */
static enum error judge(const struct capabilities_server *server, uint64_t used, bool others,
	uint64_t lacked, struct fault *fault)
{
	bool reads = true, anywhere = true;

	for (unsigned i = 0; i < COMMAND_COUNT; i++) {
		if (!(used & bit(i)))
			continue;
		reads = reads && commands_rows[i].kind != WRITES;
		anywhere = anywhere && commands_rows[i].kind >= ANYWHERE;
	}
	if (others || !(server->kind == SERVER_REPLICA ? reads : anywhere)) {
		enum error error = server_kind_judge(server->kind, server->name, fault);

		if (error)
			return error;
	}
	return lacked ? deny(server, lacked, fault) : OK;
}

enum error capabilities_allow(
	const struct capabilities_server *server, enum redis_feature feature, struct fault *fault)
{
	uint64_t lacks = capabilities_lacks(server->capabilities), lacked;

	if (!lacks && server->kind <= SERVER_PRIMARY)
		return OK;
	uint64_t used = needs_of(feature, lacks, &lacked);

	return judge(server, used, false, lacked, fault);
}

/* All our scripts call commands by literal names. Those that ask INFO do without its answer. */
static uint64_t called_in(struct slice script)
{
	static const char call[] = "call('";
	const char *end = script.p + script.n, *at = script.p;
	uint64_t set = 0;

	while ((at = memmem(at, (size_t)(end - at), call, sizeof call - 1))) {
		at += sizeof call - 1;
		const char *quote = memchr(at, '\'', (size_t)(end - at));
		unsigned command =
			quote ? commands_find(slice_of(at, (size_t)(quote - at))) : COMMAND_COUNT;

		if (command < COMMAND_COUNT && command != COMMAND_INFO)
			set |= bit(command);
	}
	return set;
}

enum error capabilities_judge(const struct capabilities_server *server,
	const struct redis_batch *batch, struct fault *fault)
{
	uint64_t lacks = capabilities_lacks(server->capabilities), used = 0;
	bool others = false;

	if (!lacks && server->kind <= SERVER_PRIMARY)
		return OK;
	for (size_t i = 0; i < redis_batch_count(batch); i++) {
		struct slice words[2];
		size_t count = redis_batch_words(batch, i, words, 2);
		unsigned command = commands_find(words[0]);

		others = others || command == COMMAND_COUNT;
		if (command < COMMAND_COUNT)
			used |= bit(command);
		if (command == COMMAND_EVAL && count > 1)
			used |= called_in(words[1]);
	}
	return judge(server, used, others && server->kind != SERVER_REPLICA, used & lacks, fault);
}
