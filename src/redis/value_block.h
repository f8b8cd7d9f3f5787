/* SPDX-License-Identifier: MIT */
/* The memory of one reply: a chain of blocks, the first of which begins with the root. */
#ifndef CW_REDIS_VALUE_BLOCK_H
#define CW_REDIS_VALUE_BLOCK_H

#include <stddef.h>

struct value_block {
	struct value_block *next;
	size_t used, bytes;
	_Alignas(max_align_t) char data[];
};

#endif
