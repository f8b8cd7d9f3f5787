/* SPDX-License-Identifier: MIT */
/* What the files of passes share; for pass*.c only. */
#ifndef CW_INVALIDATE_PASS_INTERNAL_H
#define CW_INVALIDATE_PASS_INTERNAL_H

#include "cache/scan.h"
#include "invalidate/pass.h"
#include "invalidate/removal.h"

struct pass_queue {
	struct cache *cache;
	struct fiber_group group;
	struct pass_request *first, *last; /* waiting */
	size_t waiting, waiting_counters;
	struct fiber *collector; /* the pass that waits for more requests */
	size_t running;
	uint64_t total;
	uint64_t begun; /* numbers them in the log */
};

struct pass {
	struct pass_queue *owner;
	struct pass_request *members[PASS_COUNTERS]; /* NULL: gone */
	size_t member_count;
	uint64_t keys;	  /* on all primaries, at the beginning */
	size_t primaries; /* that are scanned */
	double *seen;	  /* of each primary */
};

/* The bits of all counters of a member. */
uint64_t pass_member_mask(const struct pass_request *member);
/* Ends the member's part: it is told, and no longer touched. */
void pass_release(struct pass_request *member);
/* Releases those that want no more and wait for no reply. */
void pass_release_leaving(struct pass *pass);
bool pass_empty(const struct pass *pass);

/* All of its work: scans, and scans once more where the connection was lost. Parks. */
enum error pass_scan(struct pass *pass, struct fault *fault);
/* The same for a cluster, where only what moved or was lost is scanned again. Parks. */
enum error pass_scan_cluster(struct pass *pass, struct fault *fault);
/* Before a scan begins (again): forgets what an earlier one counted but did not remove. */
void pass_begin_scan(struct pass *pass, const struct scan_snapshot *before);
/* What the servers filter by; empty = nothing. */
void pass_filter(const struct pass *pass, struct buf *out);
/* The tightest pace of all members; 0 = all are unpaced. */
double pass_pace(const struct pass *pass);
/* How the pass has ended for the members that are left. */
void pass_set_ends(struct pass *pass, enum pass_end end);
extern const struct scan_handler pass_page_handler; /* context: struct pass */
/* Counts for the members what a command did; a removal_done(), context: struct pass. */
void pass_count_removal(
	void *context, const struct removal_note *note, const struct removal_counts *counts);

/* Notes a name for a HOLD member; `bits` are its counters. */
void pass_hold(struct pass_request *member, struct slice name, uint64_t bits);
/* Removes what the HOLD members noted and may remove. Parks. */
enum error pass_remove_held(struct pass *pass, struct fault *fault);

#endif
