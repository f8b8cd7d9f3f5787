/* SPDX-License-Identifier: MIT */
/* What the files of leases share: the value of a lease, taken apart. */
#ifndef CW_CACHE_LEASE_INTERNAL_H
#define CW_CACHE_LEASE_INTERNAL_H

#include "cache/lease.h"
#include "cache/log.h"

/* "<token> <id of the log>\n<tag>\n<tag>": views of the text. */
struct lease_record {
	struct slice token;
	char since[INVAL_ID_BYTES];
	struct slice tags[ENTRY_MANY_TAGS];
	size_t tag_count;
};

/* False where the text is none. */
bool lease_record(struct slice text, struct lease_record *ret);

#endif
