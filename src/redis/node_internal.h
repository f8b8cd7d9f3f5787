/* SPDX-License-Identifier: MIT */
/* What the pacer and the store need of a node beyond node.h. */
#ifndef CW_REDIS_NODE_INTERNAL_H
#define CW_REDIS_NODE_INTERNAL_H

#include "redis/node.h"

int64_t node_command_timeout_ms(const struct redis_node *node);
/* Nothing waits on any of its connections. */
bool node_quiet(const struct redis_node *node);
/* NULL where the node has none. */
struct metrics *node_metrics(const struct redis_node *node);

#endif
