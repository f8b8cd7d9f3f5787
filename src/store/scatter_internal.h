/* SPDX-License-Identifier: MIT */
/* What the files of a scatter share; for scatter*.c only. */
#ifndef CW_STORE_SCATTER_INTERNAL_H
#define CW_STORE_SCATTER_INTERNAL_H

#include "store/scatter.h"

enum outcome {
	WAITING, /* not sent yet, or to be sent again */
	DONE,	 /* it has its replies */
	FAILED,
};

/* What has become of a part. */
struct progress {
	enum outcome outcome;
	bool ask;		   /* the next try begins with ASKING */
	struct redis_node *target; /* of the next try, with a reference; NULL = by the map */
	size_t lane, at;	   /* where it is: the node's batch, its first command there */
	struct redis_value *reply; /* of a part of a command */
	enum error error;	   /* why it failed, or has to be sent again */
};

/* The batch of one node in one round. */
struct lane {
	struct redis_node *node;
	struct redis_batch *batch; /* NULL: the caller's own, in place */
	enum error error;	   /* it was not answered in full */
	struct fault fault;
};

struct scatter {
	struct cluster *cluster;
	struct scatter_options options;
	struct pipeline *pipeline;
	struct slot_parts parts;
	struct progress *progress; /* of each part */
	size_t known;		   /* how many of them there are */
	struct lane *lanes;
	size_t lane_count;
	unsigned round, redirections;
	bool redirected, pause; /* in this round */
	struct fault fault;	/* of the first part that failed */
	struct fault last;	/* of the last one that is to be sent again */
};

/* The part has failed for this reason, and is not sent again. */
void scatter_fail(struct scatter *s, size_t i, const struct fault *fault);
/* Makes `progress` as long as the list of parts. */
void scatter_grow(struct scatter *s);
/* Whether ASKING is sent before command k of the part: it is for one command, or up to EXEC. */
bool scatter_asks(const struct scatter *s, const struct slot_part *part, size_t k);
/* Judges what a round's lanes have brought. True if something is to be sent again. */
bool scatter_judge(struct scatter *s);
/* Whether the error reply is about where the key is, or a server that will serve again. */
bool scatter_is_passing(const struct redis_value *reply);

#endif
