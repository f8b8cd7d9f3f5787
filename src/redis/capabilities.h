/* SPDX-License-Identifier: MIT */
/*
 * What the server lets us do: the commands that cachewarden uses, and the features that need them.
 *
 *	connection made -> MULTI, DISCARD, EXEC; MULTI, every command, DISCARD -> which are denied
 *	a later refusal -----------------------------------------^
 *	feature begins, batch leaves -> a command of it is denied: refused at once, with the reason
 *
 * An ACL, rename-command or a proxy may deny any command. Within MULTI and DISCARD nothing is run,
 * but a command that is denied is refused instead of queued. Features and commands are two tables,
 * COMMANDS (commands.h) and FEATURES (capabilities.c); health, the log and the refusals read them.
 */
#ifndef CW_REDIS_CAPABILITIES_H
#define CW_REDIS_CAPABILITIES_H

#include "redis/server_kind.h"

struct pipeline;
struct redis_batch;

/* What the engine asks for before it begins work of several steps; rows of FEATURES. */
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
	FEATURE_SESSIONS,
	FEATURE_OPERATIONS,
	FEATURE_EXPLAIN,
	REDIS_FEATURES
};

/* A zeroed one denies nothing. Sets of commands have a bit for each row of COMMANDS. */
struct capabilities {
	uint64_t denied;   /* by an ACL */
	uint64_t unknown;  /* renamed, or a proxy does not have them */
	uint64_t own_keys; /* for which the ACL denies keys of our own */
	bool can_look;	   /* MULTI and DISCARD are allowed, as of the last look */
	bool unsaid;	   /* the last look met a server that was loading or busy */
};

/*
 * Adds the first look (MULTI, DISCARD, EXEC) to a pipeline, or the second one (MULTI, every
 * command, DISCARD), which must not be sent unless the first one found both allowed. `key` is one
 * of our own that does not exist. What Redis answers to the command at `at` of the look goes to
 * capabilities_heard() with the same `all`. Returns the index of the look's first command.
 */
size_t capabilities_ask(struct pipeline *pipeline, bool all, struct slice key);
void capabilities_heard(
	struct capabilities *capabilities, bool all, size_t at, const struct redis_value *reply);
/* Whether the second look may be sent. */
bool capabilities_can_look(const struct capabilities *capabilities);
/* An error reply to some command: true where it says that a command is denied, and is noted. */
bool capabilities_refused(struct capabilities *capabilities, const struct redis_value *reply);

/* What is lacked, one bit each: a command, or keys of our own; 0 = nothing. */
uint64_t capabilities_lacks(const struct capabilities *capabilities);
bool capabilities_lack(const struct capabilities *capabilities, const char *command);
/* Whose capabilities they are, for messages and verdicts. */
struct capabilities_server {
	const struct capabilities *capabilities;
	enum server_kind kind;
	const char *name, *user; /* `user` NULL = the default one */
	const char *key;	 /* one of our own */
};

/* What bit `i` of what is lacked means. */
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
/* The bits of what is needed for all features, or all but warm runs. */
uint64_t capabilities_used(bool warms);
/*
 * Appends the least ACL line for the server's user ("cachewarden" in place of the default one), for
 * all features, or all but warm runs.
 */
void capabilities_acl(const struct capabilities_server *server, bool warms, struct buf *out);
/* OK, or why the feature is off: ERR_REDIS_NOPERM, ERR_NOT_PRIMARY, ERR_CLUSTER_NODE. */
enum error capabilities_allow(
	const struct capabilities_server *server, enum redis_feature feature, struct fault *fault);
/* The same for the commands of a batch, those of its scripts included. */
enum error capabilities_judge(const struct capabilities_server *server,
	const struct redis_batch *batch, struct fault *fault);

#endif
