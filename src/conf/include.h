/* SPDX-License-Identifier: MIT */
/* Files that a configuration includes: they add to its lists and named maps, and to nothing else.
 */
#ifndef CW_CONF_INCLUDE_H
#define CW_CONF_INCLUDE_H

#include "conf/reader.h"

/*
 * Reads what root's `include` (else its default) names, relative to root's file, and adds it to
 * `root`; the `include` that is left is empty. Blocks.
 */
void include_files(struct reader *r, struct node *root);

#endif
