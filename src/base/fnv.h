/* SPDX-License-Identifier: MIT */
/*
 * FNV-1a (http://www.isthe.com/chongo/tech/comp/fnv/): hashes of names for tables of our own. Names
 * can be made to collide.
 *
 *	uint32_t hash = fnv_add32(FNV_BEGIN32, name);
 */
#ifndef CW_BASE_FNV_H
#define CW_BASE_FNV_H

#include "base/slice.h"

#define FNV_BEGIN32 UINT32_C(2166136261)
#define FNV_BEGIN64 UINT64_C(14695981039346656037)

static inline uint32_t fnv_add32(uint32_t hash, struct slice bytes)
{
	for (size_t i = 0; i < bytes.n; i++)
		hash = (hash ^ (unsigned char)bytes.p[i]) * UINT32_C(16777619);
	return hash;
}

static inline uint64_t fnv_add64(uint64_t hash, struct slice bytes)
{
	for (size_t i = 0; i < bytes.n; i++)
		hash = (hash ^ (unsigned char)bytes.p[i]) * UINT64_C(1099511628211);
	return hash;
}

#endif
