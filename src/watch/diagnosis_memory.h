/* SPDX-License-Identifier: MIT */
/* What the doctor proposes for a server's memory: the commands, the value, and how it was chosen.
 */
#ifndef CW_WATCH_DIAGNOSIS_MEMORY_H
#define CW_WATCH_DIAGNOSIS_MEMORY_H

#include "base/buf.h"
#include "redis/info.h"

/*
 * A limit in MiB for a server that shares its machine with others of the same cluster: `servers`
 * with itself. Half of the machine's memory, by equal shares, because forks, buffers and other
 * programs need the rest; but a tenth above what is used now, because a limit below that would
 * evict at once; and where the machine's memory is not known twice what is used, at least 64.
 * Appends to `why` how it was chosen.
 */
int64_t diagnosis_memory_limit(const struct redis_info *info, size_t servers, struct buf *why);

/* Whether most keys do not expire, so that a volatile-* policy finds little to evict. */
bool diagnosis_memory_is_persistent(const struct redis_info *info);

/*
 * The policy that suits the keys, with the algorithm of the policy in force, else lru: volatile-*,
 * which never evicts what has no expiry, such as the sets of tags and the invalidation log; where
 * most keys do not expire, allkeys-*. Constant text.
 */
const char *diagnosis_memory_policy(const struct redis_info *info);

/*
 * Appends "CONFIG SET maxmemory-policy volatile-lru, CONFIG SET maxmemory 512mb, then CONFIG
 * REWRITE ...", with what makes it last; `mib` 0 or `policy` NULL = that one is left as it is.
 */
void diagnosis_memory_commands(int64_t mib, const char *policy, struct buf *out);

/* Appends the sentence that says why the policy is volatile-* or allkeys-*. */
void diagnosis_memory_why(const struct redis_info *info, struct buf *out);

#endif
