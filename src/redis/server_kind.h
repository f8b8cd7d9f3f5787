/* SPDX-License-Identifier: MIT */
/*
 * The kind of a server, as far as it can be told by INFO, ROLE, or an error that only one kind
 * returns. A replica, a Sentinel and a node of a cluster accept most commands but do not serve all
 * keys, so they are recognised before any command is sent.
 */
#ifndef CW_REDIS_SERVER_KIND_H
#define CW_REDIS_SERVER_KIND_H

#include "redis/value.h"

enum server_kind {
	SERVER_UNKNOWN, /* treated as a primary: a proxy may hide its kind */
	SERVER_PRIMARY,
	SERVER_REPLICA,	 /* its keys may be read */
	SERVER_SENTINEL, /* it has no keys */
	SERVER_CLUSTER,	 /* a node of a cluster: it has some of the keys */
};

/*
 * By INFO's text, or some sections of it; `so_far` if it does not say. `in_cluster`: the node of a
 * cluster is what is wanted, and its role counts.
 */
enum server_kind server_kind_of_info(struct slice text, enum server_kind so_far, bool in_cluster);
/* SERVER_UNKNOWN if it is not a reply to ROLE. */
enum server_kind server_kind_of_role(const struct redis_value *reply);
/* The kind that gives such a refusal, else SERVER_UNKNOWN. */
enum server_kind server_kind_of_refusal(enum redis_refusal refusal);
/*
 * Why the server at `name` is not used as the primary of all keys: ERR_NOT_PRIMARY,
 * ERR_CLUSTER_NODE, or OK if it is.
 */
enum error server_kind_judge(enum server_kind kind, const char *name, struct fault *fault);

#endif
