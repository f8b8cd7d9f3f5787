/* SPDX-License-Identifier: MIT */
/* Pages of the audit log's file, newest first: its lines, or the changes that they tell of. */
#ifndef CW_WATCH_AUDIT_PAGE_H
#define CW_WATCH_AUDIT_PAGE_H

#include "base/buf.h"
#include "base/fault.h"
#include "base/loop.h"

struct audit_page_query {
	int64_t since_wall_ms, until_wall_ms; /* -1 = open */
	struct slice by, state, kind;	      /* empty = any; audit_changes_kind() */
	bool by_dryness, dry_run;	      /* only dry runs, or only others */
	bool changes;	     /* items are records of changes (watch/audit_changes.h), not lines */
	struct slice cursor; /* empty = from the newest on */
	int64_t limit;
};

/*
 * Appends lines or changes as JSON objects with commas between them, and the cursor of the next
 * page, if there may be more. At most 16 MiB of the file are looked through at once, so that a page
 * may be empty and still have a next one. What is not a whole line is left out. ERR_BAD_PARAMETER:
 * the cursor is of a file that was rotated away; ERR_AUDIT_UNAVAILABLE: the file cannot be read.
 * Parks.
 */
enum error audit_page_read(struct loop *loop, const char *path,
	const struct audit_page_query *query, struct buf *items, struct buf *next,
	struct fault *fault);

#endif
