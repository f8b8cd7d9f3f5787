/* SPDX-License-Identifier: MIT */
/*
 * Permissions on the server: the commands that cachewarden uses, and the features that need them.
 *
 *	connection made -> MULTI, DISCARD, EXEC; MULTI, every command, DISCARD -> which are denied
 *	a later refusal -----------------------------------------^
 *	a feature or batch that needs a denied command -> refused at once, with the reason
 *
 * An ACL, rename-command or a proxy may deny any command. Between MULTI and DISCARD nothing is run,
 * but a denied command is refused instead of queued. Features and commands are two tables,
 * COMMANDS (commands.h) and FEATURES (capabilities.c); health, the log and the refusals read them.
 */
#ifndef CW_REDIS_CAPABILITIES_H
#define CW_REDIS_CAPABILITIES_H

#include "redis/server_kind.h"

struct pipeline;
struct redis_batch;

/* Rows of FEATURES: the engine checks them before work of several steps. */
enum redis_feature {
	FEATURE_FIGURES,
	FEATURE_CONNECTION,
	FEATURE_LAYOUT,
	FEATURE_READ,
	FEATURE_LIST,
	FEATURE_WRITE,
	FEATURE_CONDITIONS,
	FEATURE_DELETE,
	FEATURE_EXPIRE,
	FEATURE_INVALIDATE,
	FEATURE_PATTERNS,
	FEATURE_SOFT,
	FEATURE_TAGS,
	FEATURE_TAG_LISTS,
	FEATURE_PRUNER,
	FEATURE_DEPENDENCIES,
	FEATURE_LEASES,
	FEATURE_WARM,
	FEATURE_SWAP,
	FEATURE_SESSIONS,
	FEATURE_OPERATIONS,
	FEATURE_EVENTS,
	FEATURE_EXPLAIN,
	FEATURE_SLOT_MAP,
	FEATURE_MOVING_KEYS,
	REDIS_FEATURES
};

/*
 * A zeroed one denies nothing. Sets of commands have a bit for each row of COMMANDS and
 * SUBCOMMANDS.
 */
struct capabilities {
	bool in_cluster;   /* the server is used as the node of a cluster: all rows are checked */
	uint64_t denied;   /* by an ACL */
	uint64_t unknown;  /* renamed, or a proxy does not have them */
	uint64_t own_keys; /* commands for which the ACL denies keys of our own */
	bool can_check;	   /* MULTI and DISCARD are allowed, by the last check */
	bool unsaid;	   /* at the last check the server was loading or busy */
};

/*
 * What is asked: MULTI, DISCARD, EXEC; then MULTI, commands, DISCARD. A server that holds writes
 * back answers all but the last one.
 */
enum capabilities_check { CHECK_FIRST, CHECK_READS, CHECK_ALL };

/*
 * Adds a check to a pipeline; others than the first one only if that found MULTI and DISCARD
 * allowed. `key` is one of our own that does not exist. Pass the reply to the command at `at` of
 * the check to capabilities_take_reply(). Returns the index of the check's first command.
 */
size_t capabilities_add_check(const struct capabilities *capabilities, struct pipeline *pipeline,
	enum capabilities_check check, struct slice key);
void capabilities_take_reply(struct capabilities *capabilities, enum capabilities_check check,
	size_t at, const struct redis_value *reply);
/* Whether others than the first check may be sent. */
bool capabilities_can_check(const struct capabilities *capabilities);
/* Takes an error reply to any command: true if it says that a command is denied, which is recorded.
 */
bool capabilities_refused(struct capabilities *capabilities, const struct redis_value *reply);

/* What is missing, one bit each: a command, or keys of our own; 0 = nothing. */
uint64_t capabilities_lacks(const struct capabilities *capabilities);
bool capabilities_lack(const struct capabilities *capabilities, const char *command);
/* The server that the capabilities belong to, for messages and checks. */
struct capabilities_server {
	const struct capabilities *capabilities;
	enum server_kind kind;
	const char *name, *user; /* `user` NULL = the default one */
	const char *key;	 /* one of our own */
};

/* The meaning of bit `i` of what is missing. */
struct redis_lack {
	const char *command;	/* NULL = keys of our own */
	char command_lower[24]; /* as ACL rules have it */
	bool denied;		/* by an ACL; false = the server does not know the command */
	const char *user, *own_key;
	struct buf features; /* what does not work: "tags, sessions"; the caller releases it */
};
void capabilities_lack_parts(
	const struct capabilities_server *server, unsigned i, struct redis_lack *ret);
/* The same as a sentence: what, why, what does not work, what to do. */
void capabilities_sentence(const struct capabilities_server *server, unsigned i, struct buf *out);
/* The bits of what is needed for all features, or all but warm runs; by a cluster, too. */
uint64_t capabilities_used(bool warms);
/*
 * Appends the least ACL line for the server's user ("cachewarden" in place of the default one), for
 * all features, or all but warm runs.
 */
void capabilities_acl(const struct capabilities_server *server, bool warms, struct buf *out);
/* OK, or why the feature is off: ERR_REDIS_NOPERM, ERR_NOT_PRIMARY, ERR_CLUSTER_NODE. */
enum error capabilities_allow(
	const struct capabilities_server *server, enum redis_feature feature, struct fault *fault);
/* The same for the commands of a batch, including those of its scripts. */
enum error capabilities_judge(const struct capabilities_server *server,
	const struct redis_batch *batch, struct fault *fault);

#endif
