/* SPDX-License-Identifier: MIT */
/*
 * Inside of source/: detects pages that never end, because the server ignores the page's number,
 * repeats its last page or has too many.
 */
#ifndef CW_SOURCE_REPEATS_H
#define CW_SOURCE_REPEATS_H

#include "source/source.h"

/* Zeroed = before the first page. */
struct repeats {
	int64_t pages;	      /* with rows */
	uint64_t rows;	      /* of this page that could be read */
	uint64_t hash;	      /* of their bytes */
	uint64_t before_rows; /* of the page before */
	uint64_t before_all, before_hash;
};

void repeats_row(struct repeats *repeats, const struct source_row *row);
/* At the end of a page with `all` rows, including those that could not be read: ERR_SOURCE_FAILED.
 */
enum error repeats_page(
	struct repeats *repeats, const struct conf_source *conf, uint64_t all, struct fault *fault);

#endif
