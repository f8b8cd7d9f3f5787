/* SPDX-License-Identifier: MIT */
/*
 * What kind of server answers, as far as its answers tell: INFO, ROLE, or a refusal that only one
 * kind gives. A replica, a Sentinel and a node of a cluster take most commands without complaint
 * and answer for less than all keys, so they are recognised before any command is sent.
 */
#ifndef CW_REDIS_SERVER_KIND_H
#define CW_REDIS_SERVER_KIND_H

#include "redis/value.h"

enum server_kind {
	SERVER_UNKNOWN, /* treated as a primary: a proxy may hide what it is */
	SERVER_PRIMARY,
	SERVER_REPLICA,	 /* its keys may be read */
	SERVER_SENTINEL, /* it has no keys */
	SERVER_CLUSTER,	 /* a node of a cluster: it has some of the keys */
};

/* What INFO's text, or some sections of it, says; `so_far` where it does not say. */
enum server_kind server_kind_of_info(struct slice text, enum server_kind so_far);
/* SERVER_UNKNOWN where it is not a reply to ROLE. */
enum server_kind server_kind_of_role(const struct redis_value *reply);
/* The kind that gives such a refusal, else SERVER_UNKNOWN. */
enum server_kind server_kind_of_refusal(enum redis_refusal refusal);
/*
 * Why the server at `name` is not used as the primary of all keys: ERR_NOT_PRIMARY,
 * ERR_CLUSTER_NODE, or OK where it is one.
 */
enum error server_kind_judge(enum server_kind kind, const char *name, struct fault *fault);

#endif
