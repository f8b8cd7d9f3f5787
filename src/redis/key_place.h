/* SPDX-License-Identifier: MIT */
/*
 * Where commands of applications have their keys, and which of them look keys up: for the slow log
 * and for what MONITOR shows. Our own commands are in commands.h.
 */
#ifndef CW_REDIS_KEY_PLACE_H
#define CW_REDIS_KEY_PLACE_H

#include "base/slice.h"

struct key_place {
	unsigned first; /* the word that is the first key; the command's name is word 0 */
	/* Distance between keys; 0 = one key. Keys follow up to the end of the command. */
	unsigned step;
	bool counted; /* the number of keys is the word before the first */
	/* Each key is a hit or a miss in Redis's figures, and a miss raises a key-miss event. */
	bool reads;
};

/* False if the command is not known, or has no keys. Ignores case. */
bool key_place_of(struct slice command, struct key_place *ret);

#endif
