/* SPDX-License-Identifier: MIT */
/* What the files of leases share. */
#ifndef CW_CACHE_LEASE_INTERNAL_H
#define CW_CACHE_LEASE_INTERNAL_H

#include "cache/inval_log.h"
#include "cache/lease.h"

/*
 * The value of a lease, taken apart: "<token> <id of the log>\n<tag>\n<tag>", or "<token> <id of
 * the log> <its server>\n..." where that may change: views of the text.
 */
struct lease_record {
	struct slice token;
	struct inval_place since;
	struct slice tags[ENTRY_MANY_TAGS];
	size_t tag_count;
};

/* False where the text is none. */
bool lease_record(struct slice text, struct lease_record *ret);

/* ERR_LEASE_LOST. */
enum error lease_lost(struct fault *fault);

/*
 * The two ways of lease_store(), whose rules are theirs: where everything is on one server, and
 * where it is not. Park.
 */
enum error lease_store_at_once(struct cache *cache, struct slice token,
	const struct entry_write *write, bool *ret_kept, struct fault *fault);
enum error lease_store_in_steps(struct cache *cache, struct slice token,
	const struct entry_write *write, bool *ret_kept, struct fault *fault);

#endif
