/* SPDX-License-Identifier: MIT */
/* Included files: they add to lists and named maps only. */
#ifndef CW_CONF_INCLUDE_H
#define CW_CONF_INCLUDE_H

#include "conf/reader.h"

/*
 * Reads the files that `include` (or its default) names, relative to root's file, and adds them to
 * `root`, whose `include` is then empty. Blocks.
 */
void include_files(struct reader *r, struct node *root);

#endif
