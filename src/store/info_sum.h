/* SPDX-License-Identifier: MIT */
/* What several servers report, as if they were one. */
#ifndef CW_STORE_INFO_SUM_H
#define CW_STORE_INFO_SUM_H

#include "redis/info.h"

/*
 * Adds `info` to *sum, which was begun by parsing an empty text, and has `count` servers already.
 * Counters, memory and keys are added; what is not known of one server is not known of the sum.
 * Texts that differ become "". The uptime is the least one, and maxmemory is 0 if one server has no
 * limit. The sum has no replicas. Release it with redis_info_release().
 */
void info_sum_add(struct redis_info *sum, size_t count, const struct redis_info *info);

#endif
