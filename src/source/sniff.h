/* SPDX-License-Identifier: MIT */
/* Inside of source/: recognises by its first bytes text that cannot be rows. */
#ifndef CW_SOURCE_SNIFF_H
#define CW_SOURCE_SNIFF_H

#include "base/buf.h"

/* Zeroed = before a document. */
struct sniff {
	char head[64];
	size_t n;
};

/* Takes the next piece of a document. Returns what it is instead of rows, constant text; NULL =
 * unknown.
 */
const char *sniff_look(struct sniff *sniff, struct slice piece);

#endif
