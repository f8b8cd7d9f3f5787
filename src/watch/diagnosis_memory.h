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

/*
 * The policy that never evicts what has no expiry, such as the sets of tags and the invalidation
 * log, with the algorithm of the policy in force; for noeviction "volatile-lru". Constant text.
 */
const char *diagnosis_memory_policy(const char *policy);

/*
 * Appends "CONFIG SET maxmemory-policy volatile-lru, CONFIG SET maxmemory 512mb, then CONFIG
 * REWRITE ...", with what makes it last; `mib` 0 or `policy` NULL = that one is left as it is.
 */
void diagnosis_memory_commands(int64_t mib, const char *policy, struct buf *out);

/* Appends a sentence if many keys do not expire, which a volatile-* policy cannot evict. */
void diagnosis_memory_persistent(const struct redis_info *info, struct buf *out);

#endif
