/* SPDX-License-Identifier: MIT */
/* Scopes and identities of callers: shared by the configuration, HTTP and the engine. */
#ifndef CW_CONF_SCOPE_H
#define CW_CONF_SCOPE_H

#include "base/buf.h"

/* A row is X(NAME, "name", bit). ADMIN includes all others. */
#define SCOPE_TABLE(X) \
	X(READ, "read", 0) \
	X(METRICS, "metrics", 1) \
	X(KEYS, "keys", 2) \
	X(WRITE, "write", 3) \
	X(INVALIDATE, "invalidate", 4) \
	X(FLUSH, "flush", 5) \
	X(WARM, "warm", 6) \
	X(SESSIONS, "sessions", 7) \
	X(OPERATE, "operate", 8) \
	X(AUDIT, "audit", 9) \
	X(ADMIN, "admin", 10)

enum scope {
#define X(name, text, bit) SCOPE_##name = 1u << bit,
	SCOPE_TABLE(X)
#undef X
		SCOPE_NONE = 0
};

/* 0 if it is not the name of a scope. */
unsigned scope_parse(struct slice name);
const char *scope_name(enum scope scope);
/* Appends the names of a set of scopes, separated by ", ". */
void scopes_print(unsigned scopes, struct buf *out);

/* A caller. Borrowed from the configuration that the request holds. */
struct identity {
	const char *name; /* the token's name, "anonymous", or "scheduler" */
	unsigned scopes;
	/* Literal prefixes of the keys that the caller may access; none = all keys. */
	const struct slice *key_prefixes;
	size_t key_prefix_count;
	int64_t max_keys; /* of one invalidation; 0 = the configuration's */
};

/* Whether it has the scope or ADMIN; true for SCOPE_NONE. */
bool scope_granted(const struct identity *who, enum scope scope);

#endif
