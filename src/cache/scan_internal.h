/* SPDX-License-Identifier: MIT */
/* What the files of a scan share; for scan*.c only. */
#ifndef CW_CACHE_SCAN_INTERNAL_H
#define CW_CACHE_SCAN_INTERNAL_H

#include "cache/scan.h"
#include "redis/pacer.h"
#include "store/slot_claim.h"

enum { SCAN_CURSOR_BYTES = 24 };

struct scan {
	struct fiber_group group;
	bool enough; /* the handler or an error wants no more */
};

/* The scan of one server. */
struct scanner {
	const struct scan_spec *spec;
	struct scan *scan;
	struct redis_node *node;
	size_t primary;
	struct redis_pacer *pacer;
	struct redis_batch *names; /* what asks for the next page */
	struct redis_value found;  /* the page's names; they belong to that batch's replies */
	size_t cap;		   /* of found.items */
	struct scan_page page;
	bool in_flight; /* the page's commands */
	char cursor[SCAN_CURSOR_BYTES];
	struct fault fault;

	/* Of a cluster. */
	struct scan_slots *slots; /* NULL = all that SCAN names */
	struct scan_list *list;	  /* the server's slots that are wanted */
	bool by_slot, first;	  /* how pages are asked for; no page was answered yet */
	size_t next, asked;	  /* slots of the list: the next one, those in the batch */
	size_t per_slot;	  /* keys, about */
	struct slot_set big;	  /* too many keys for one reply: SCAN finds them */
	bool any_big, only_big;
	uint64_t seen; /* names */
};

/* Wanted slots of one server. */
struct scan_list {
	uint16_t slots[SLOT_COUNT];
	size_t count;
};

/* What identifies a server: if it changes during a scan, keys may have been missed. */
struct scan_server {
	struct redis_node *node; /* counted */
	bool reached;
	char run_id[48], role[16], master_replid[48];
	int64_t flush_calls;
	uint64_t keys;
	struct slot_claim *claim; /* of a node of a cluster */
};

enum { SCAN_NO_SERVER = UINT16_MAX };

struct scan_snapshot {
	bool cluster;
	size_t count;
	struct scan_server *servers;
	/* Of a cluster. */
	uint16_t owners[SLOT_COUNT]; /* indexes of servers, or SCAN_NO_SERVER */
	struct slot_set disputed;    /* two servers claim them */
};

/* scan.c: starts a scanner as a fiber of its scan. */
void scan_start(struct scanner *w);
/* Waits for all of them. Parks. */
enum error scan_join(struct scan *scan);
/* Adds a name of a reply to the page. */
void scan_found(struct scanner *w, struct redis_value *name);

/* scan_slots.c: the same by slots. */
enum error scan_slots_send(struct scanner *w);
enum error scan_slots_take(struct scanner *w, bool *ret_last);
/* Leaves out names of a SCAN that are not wanted. */
void scan_slots_filter(struct scanner *w, const struct redis_value *names);
/*
 * Decides from the names of the first page of SCAN whether to go on slot by slot; true: that page
 * does not count, because the slots are asked for its names, too.
 */
bool scan_slots_decide(struct scanner *w, const struct redis_value *names);
/* After the last page: counts what is left. Parks. */
enum error scan_slots_end(struct scanner *w);

#endif
