/* SPDX-License-Identifier: MIT */
/*
 * One RESP2 reply, as a tree that its receiver owns. Only the root can be freed, with the whole
 * tree. Texts are followed by a NUL that `n` does not count.
 */
#ifndef CW_REDIS_VALUE_H
#define CW_REDIS_VALUE_H

#include "base/buf.h"
#include "base/fault.h"

enum redis_type {
	REDIS_NIL,
	REDIS_STRING,
	REDIS_STATUS,
	REDIS_ERROR,
	REDIS_INTEGER,
	REDIS_ARRAY,
};

/* Numbers are cut to this and its negative: exact in JSON, and two of them can be added. */
#define REDIS_MAX_NUMBER (INT64_C(1) << 53)

struct redis_value {
	enum redis_type type;
	int64_t integer;
	struct slice text; /* of a string, status or error */
	size_t count;
	struct redis_value **items; /* of an array; its elements are never NULL */
};

void redis_value_free(struct redis_value *value); /* may be NULL */
/* What an error reply means: "OOM ..." -> ERR_REDIS_OOM; the fault quotes it. Other types: OK. */
enum error redis_value_error(const struct redis_value *value, struct fault *fault);

/* What an error reply says about the server, or the command. */
enum redis_refusal {
	REFUSAL_NONE,	    /* not an error reply */
	REFUSAL_STATE,	    /* loading, busy, out of memory, not authenticated, ... */
	REFUSAL_REPLICA,    /* READONLY */
	REFUSAL_NO_PRIMARY, /* MASTERDOWN: a replica without its primary */
	REFUSAL_TRY_AGAIN,  /* TRYAGAIN: a part of the keys has moved to another node */
	REFUSAL_MOVED,	    /* MOVED, ASK: another node of the cluster has the key */
	REFUSAL_CLUSTER,    /* CLUSTERDOWN and the like: a node of a cluster */
	REFUSAL_DENIED,	    /* the ACL denies the command */
	REFUSAL_NOPERM,	    /* it denies the key, or something else */
	REFUSAL_MULTI,	    /* the command is not possible within MULTI, or only there */
	REFUSAL_UNKNOWN,    /* the command is not known */
	REFUSAL_OTHER,
};

/* *ret_command: the command's name for _DENIED and _UNKNOWN, a view; may be NULL. */
enum redis_refusal redis_value_refusal(const struct redis_value *value, struct slice *ret_command);
/* The text of item i if it is a string, else the empty slice. */
struct slice redis_value_item(const struct redis_value *array, size_t i);

/*
 * Item i of a script's reply: ERR_REDIS_PROTOCOL if the reply is not an array, or the item is not a
 * number from `least` to `most`.
 */
enum error redis_value_number(const struct redis_value *array, size_t i, int64_t least,
	int64_t most, int64_t *ret, struct fault *fault);

#endif
