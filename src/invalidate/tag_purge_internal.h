/* SPDX-License-Identifier: MIT */
/* What the files of purging by tag share; for tag_purge*.c only. */
#ifndef CW_INVALIDATE_TAG_PURGE_INTERNAL_H
#define CW_INVALIDATE_TAG_PURGE_INTERNAL_H

#include "base/name_set.h"
#include "invalidate/tag_purge.h"

/* The keys of one page that may be touched: views of the page. */
struct tag_names {
	const struct plan_tag *tag;
	const struct slice *names;
	size_t count;
	uint64_t counted; /* out: those that tag_purge_count() gave the tag's selectors */
};

/*
 * Whether the plan's exact names or patterns are about the key, too. ERR_CANCELLED. Lets others run
 * where a page's names have taken long. Parks then.
 */
enum error tag_purge_is_elsewhere(struct tag_purge *purge, struct slice name, bool *ret);
/* Counts those that are there. Parks. */
enum error tag_purge_count(struct tag_purge *purge, struct tag_names *page, struct name_set *seen,
	struct fault *fault);
/* Removes or softens as many as the limit allows. Parks, also where it was cancelled: what was sent
 * is counted. */
enum error tag_purge_remove(
	struct tag_purge *purge, const struct tag_names *page, struct fault *fault);

#endif
