/* SPDX-License-Identifier: MIT */
/*
 * Why slots of a cluster cannot be used, and what to do about it: from what our own connection to
 * their primary has met, and what the other servers say of it (CLUSTER NODES). Pure.
 */
#ifndef CW_STORE_SLOT_ABSENCE_H
#define CW_STORE_SLOT_ABSENCE_H

#include "redis/node.h"

/* What the servers of a cluster say of one of their primaries. Zeroed: not known. */
struct peer_view {
	bool known;
	bool suspected;	       /* "fail?": the one that was asked does not reach it */
	bool failed;	       /* "fail": most primaries have agreed on that */
	unsigned replicas;     /* that follow it, also those that have failed themselves */
	char replica[64 + 64]; /* address of one that has not; "" if there is none */
};

/*
 * Reads of the text of CLUSTER NODES what it says of the primary at this address. Lines that cannot
 * be read are passed over; not known if none is about it.
 */
void slot_absence_peers(struct slice text, const char *host, uint16_t port, struct peer_view *ret);

/* Slots that cannot be used, of one primary. */
struct slot_absence {
	char *node; /* the primary's name; NULL: no server has them */
	unsigned slots;
	struct buf ranges; /* "0-5460, 9000": the first 16 of them */
	struct buf why;	   /* no sentence: "it loads its data" */
	struct buf fix;	   /* sentences */
};

/* No server has them. */
void slot_absence_of_none(struct slot_absence *ret);
/* `state` is that of the primary, `view` what it says of the cluster itself. */
void slot_absence_explain(const struct redis_state *state, enum redis_view view,
	const struct peer_view *peers, struct slot_absence *ret);
/* Appends "127.0.0.1:7000 (slots 0-5460): why". */
void slot_absence_tell(const struct slot_absence *absence, struct buf *out);
void slot_absence_release(struct slot_absence *absence);

#endif
