/* SPDX-License-Identifier: MIT */
/* Inside of source/: text that is no rows at all, told by its first bytes. */
#ifndef CW_SOURCE_SNIFF_H
#define CW_SOURCE_SNIFF_H

#include "base/buf.h"

/* Zeroed = before a document. */
struct sniff {
	char head[64];
	size_t n;
};

/* Looks at the next piece of a document. What it is instead of rows, constant text; NULL = unknown.
 */
const char *sniff_look(struct sniff *sniff, struct slice piece);

#endif
