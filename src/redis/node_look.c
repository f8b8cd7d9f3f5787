/* SPDX-License-Identifier: MIT */
/* What can be asked of a node: its state, its connections and their queues; see node.h. */
#include <assert.h>

#include "redis/node_internal.h"
#include "redis/node_state.h"

const char *redis_node_status_name(enum redis_status status)
{
	static const char *const names[] = {"up", "down", "loading", "busy"};

	assert(status < sizeof names / sizeof *names);
	return names[status];
}

const char *node_role_name(enum redis_role role)
{
	static const char *const names[] = {"commands", "bulk"};

	assert(role < REDIS_ROLES);
	return names[role];
}

struct redis_state redis_node_state(const struct redis_node *node)
{
	return node->state;
}

void redis_node_connections(
	const struct redis_node *node, struct redis_connection_look ret[REDIS_ROLES])
{
	for (size_t i = 0; i < REDIS_ROLES; i++) {
		const struct conn *conn = node->members[i].conn;

		ret[i] = (struct redis_connection_look){.role = node_role_name((enum redis_role)i),
			.state = conn_state_name(conn),
			.attempts = conn_attempts(conn),
			.waiting = conn_waiting(conn),
			.waiting_bytes = conn_waiting_bytes(conn)};
	}
}

const char *redis_node_name(const struct redis_node *node)
{
	return node->config.name;
}

int64_t node_command_timeout_ms(const struct redis_node *node)
{
	return node->config.command_timeout_ms;
}

bool node_quiet(const struct redis_node *node)
{
	for (int role = 0; role < REDIS_ROLES; role++)
		if (conn_waiting(node->members[role].conn))
			return false;
	return true;
}

struct metrics *node_metrics(const struct redis_node *node)
{
	return node->metrics;
}
