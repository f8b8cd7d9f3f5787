/* SPDX-License-Identifier: MIT */
/*
 * What a node of a cluster says about itself in CLUSTER NODES: which slots it has, and which of
 * them are on their way. Pure; hostile texts are refused.
 */
#ifndef CW_STORE_SLOT_CLAIM_H
#define CW_STORE_SLOT_CLAIM_H

#include "base/fault.h"
#include "store/slot_set.h"

struct slot_claim {
	char id[48]; /* of the node, for as long as it belongs to the cluster */
	bool primary;
	uint64_t epoch; /* of its configuration: grows when it takes over slots */
	struct slot_set owned;
	struct slot_set migrating; /* of those: its keys are being moved to another node */
	struct slot_set importing; /* it receives the keys of another node's slot */
};

/* ERR_REDIS_PROTOCOL: no line is about the node itself, or that line is damaged. */
enum error slot_claim_parse(struct slice text, struct slot_claim *ret, struct fault *fault);

/* Whether a line's flags, "myself,master", have this one. */
bool slot_claim_has_flag(struct slice flags, const char *name);

#endif
