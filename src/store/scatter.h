/* SPDX-License-Identifier: MIT */
/*
 * A batch over the nodes of a cluster, with all that can come in between.
 *
 *	batch -> parts (slot_parts.h) -> a batch for each node, in parallel -> replies, joined
 *	            ^--- MOVED, ASK, TRYAGAIN, CLUSTERDOWN, not sent ---'  at most five times
 *
 * A batch for one node is that node's batch: nothing is copied unless a part of it has to be sent
 * again. Within a slot, commands keep their order. What was not sent, or was refused without being
 * run, is sent again; what may have been run only if it only reads, or the caller says that twice
 * does no harm. A transaction, with its WATCH and what is between, is repeated as a whole.
 */
#ifndef CW_STORE_SCATTER_H
#define CW_STORE_SCATTER_H

#include "store/cluster.h"
#include "store/slot_parts.h"

struct scatter_options {
	enum redis_priority priority;
	bool idempotent;
	unsigned slot;	  /* of commands without a key; SLOT_ANYWHERE = any */
	int64_t deadline; /* no part is sent again afterwards */
};

/*
 * Starts the batch; redis_batch_wait() gives the outcome, as for one node. An error as that of
 * redis_node_start(), if all goes to one node. The batch may be freed at any time.
 */
enum error scatter_start(struct cluster *cluster, const struct scatter_options *options,
	struct redis_batch *batch, struct fault *fault);

#endif
