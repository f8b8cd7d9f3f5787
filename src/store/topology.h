/* SPDX-License-Identifier: MIT */
/*
 * The topology: which servers there are, and which of them has a slot.
 *
 *	one server:  it has all slots
 *	a cluster:   a slot map -> nodes by address -> the owner of each slot; a redirection changes
 *	             one owner at once, the next map all of them
 *
 * A server that a map no longer names is retired: not before its commands were answered, but at
 * the latest after half a second, so that commands for a lost server end. A borrowed node is valid
 * until the next park; redis_node_ref() keeps it longer.
 */
#ifndef CW_STORE_TOPOLOGY_H
#define CW_STORE_TOPOLOGY_H

#include "redis/node.h"
#include "store/slot_absence.h"
#include "store/slot_map.h"

struct topology;

/*
 * The nodes of `options->conf`: the one server, or the seeds of a cluster, which count as its
 * primaries until the first map. What `options` points to must live as long, the conf until
 * topology_reconfigure() gives another.
 */
struct topology *topology_new(const struct redis_node_options *options);
void topology_free(struct topology *topology); /* may be NULL */
void topology_reconfigure(struct topology *topology, const struct conf_redis *conf);

/* All primaries, at least one. Borrowed, as the array. */
size_t topology_primaries(const struct topology *topology, struct redis_node *const **ret);
/* The owner of the slot; NULL if no server has it. */
struct redis_node *topology_owner(const struct topology *topology, unsigned slot);
/* A primary that answers, if there is one, else any. */
struct redis_node *topology_any(const struct topology *topology);
/* The node at the address, made if need be. NULL: there are too many that no map names. */
struct redis_node *topology_at(struct topology *topology, const char *host, uint16_t port);
/* A redirection says that the node has the slot. */
void topology_moved(struct topology *topology, unsigned slot, struct redis_node *node);

/* Whether a map has been applied, or none is needed. */
bool topology_known(const struct topology *topology);
/* True if the map changed anything. */
bool topology_apply(struct topology *topology, const struct slot_map *map);
/* How many slots have no primary. */
unsigned topology_unserved(const struct topology *topology);
/* How many slots the node has; -1 if it is not a cluster, or there is no map yet. */
int topology_slots(const struct topology *topology, const struct redis_node *node);
/*
 * How many slots have no primary, or one that is away; appends them, such as "0-5460, 9000": the
 * first 16 ranges. 0 if it is not a cluster.
 */
unsigned topology_away(const struct topology *topology, struct buf *ranges);
/* A server's reply to CLUSTER NODES, from which topology_absence() takes what others say; "": none.
 */
void topology_judge(struct topology *topology, struct slice nodes);
/*
 * The i-th primary of a cluster that is away, with its slots and why; the last is for the slots
 * that no server has. False: there are no more of them. The caller releases *ret.
 */
bool topology_absence(const struct topology *topology, size_t i, struct slot_absence *ret);
/* Retires those that are due; true if some are not yet. */
bool topology_sweep(struct topology *topology);

/*
 * Calls `look` for every node that may be asked for the map, those that answer first, with the
 * seeds at the end, until it returns false. `look` may park.
 */
void topology_each(struct topology *topology,
	bool (*look)(void *context, struct redis_node *node, const char *host), void *context);

#endif
