/* SPDX-License-Identifier: MIT */
/*
 * A cluster's discovery: a fiber that asks its servers for the slot map, and keeps the topology.
 *
 *	start, every redis.topology_refresh, a redirection (once a second at most),
 *	a lost or refusing server (four times a second at most)
 *	        -> CLUSTER INFO, CLUSTER SLOTS of one server after the other, until one is part of a
 *	           working cluster -> topology
 */
#ifndef CW_STORE_CLUSTER_H
#define CW_STORE_CLUSTER_H

#include "store/topology.h"

struct cluster;

/* Begins to ask. The same holds for the options as in topology_new(). */
struct cluster *cluster_new(const struct redis_node_options *options);
/* Commands that wait fail with ERR_STOPPING. May be NULL. Parks. */
void cluster_free(struct cluster *cluster);
void cluster_reconfigure(struct cluster *cluster, const struct conf_redis *conf);

struct topology *cluster_topology(const struct cluster *cluster);
/* For fibers that work for it. */
struct fiber_group *cluster_group(struct cluster *cluster);
/* Whether it is being freed: nothing more may be started. */
bool cluster_stopping(const struct cluster *cluster);
/* Whether no fiber works for it. */
bool cluster_quiet(const struct cluster *cluster);
/* The map is to be asked for again: soon, or as soon as possible. */
void cluster_want_refresh(struct cluster *cluster, bool urgent);
/* The same, and waits for the next answers. Parks. */
enum error cluster_refresh(struct cluster *cluster, int64_t deadline);
/*
 * Waits for the first map. ERR_REDIS_UNAVAILABLE and others: all servers were asked, and why there
 * is none. Parks.
 */
enum error cluster_await(struct cluster *cluster, int64_t deadline, struct fault *fault);
/* What all primaries together are: see store_state(). */
struct redis_state cluster_state(const struct cluster *cluster);

#endif
