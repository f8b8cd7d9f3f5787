/* SPDX-License-Identifier: MIT */
/* Recognising kinds of servers; see server_kind.h. */
#include "redis/server_kind.h"

#include <string.h>

#include "redis/info.h"

enum server_kind server_kind_of_info(struct slice text, enum server_kind so_far, bool in_cluster)
{
	struct redis_info info;
	enum server_kind kind = so_far;

	redis_info_parse(text, 0, &info);
	if (strcmp(info.mode, "sentinel") == 0)
		kind = SERVER_SENTINEL;
	else if (strcmp(info.mode, "cluster") == 0 && !in_cluster)
		kind = SERVER_CLUSTER;
	if (kind != SERVER_SENTINEL && kind != SERVER_CLUSTER && info.role[0])
		kind = strcmp(info.role, "master") == 0 ? SERVER_PRIMARY : SERVER_REPLICA;
	redis_info_release(&info);
	return kind;
}

enum server_kind server_kind_of_role(const struct redis_value *reply)
{
	struct slice role = redis_value_item(reply, 0);

	if (slice_is(role, "master"))
		return SERVER_PRIMARY;
	if (slice_is(role, "slave"))
		return SERVER_REPLICA;
	return slice_is(role, "sentinel") ? SERVER_SENTINEL : SERVER_UNKNOWN;
}

enum server_kind server_kind_of_refusal(enum redis_refusal refusal)
{
	return refusal == REFUSAL_REPLICA				? SERVER_REPLICA
	       : refusal == REFUSAL_CLUSTER || refusal == REFUSAL_MOVED ? SERVER_CLUSTER
									: SERVER_UNKNOWN;
}

enum error server_kind_judge(enum server_kind kind, const char *name, struct fault *fault)
{
	switch (kind) {
	case SERVER_UNKNOWN:
	case SERVER_PRIMARY:
		break;
	case SERVER_REPLICA:
		return fault_set(fault, ERR_NOT_PRIMARY,
			"Redis at %s is a replica: nothing is written or invalidated there; set "
			"redis.url to the primary",
			name);
	case SERVER_SENTINEL:
		return fault_set(fault, ERR_NOT_PRIMARY,
			"a Redis Sentinel answers at %s, which holds no keys; set redis.url to "
			"the primary that it monitors, or to redis+sentinel://HOST:PORT/NAME",
			name);
	case SERVER_CLUSTER:
		return fault_set(fault, ERR_CLUSTER_NODE,
			"Redis at %s is a node of a cluster and holds only a part of the keys, so "
			"it is not used; set redis.url to redis+cluster://HOST:PORT",
			name);
	}
	return OK;
}
