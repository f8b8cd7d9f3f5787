/* SPDX-License-Identifier: MIT */
/* Limits and policies for a server's memory; see diagnosis_memory.h. */
#include "watch/diagnosis_memory.h"

#include <string.h>

enum { min_mib = 64 };

#define MIB ((int64_t)1024 * 1024)

int64_t diagnosis_memory_limit(const struct redis_info *info, size_t servers, struct buf *why)
{
	int64_t used = info->used_memory > 0 ? info->used_memory / MIB + 1 : 0;
	int64_t total = info->total_system_memory > 0 ? info->total_system_memory / MIB : 0;
	int64_t share = total / 2 / (int64_t)(servers ? servers : 1);
	int64_t room = used + used / 10 + 1;

	if (total == 0) {
		buf_printf(why,
			"twice the %lldmb that it uses now: the server does not tell how much "
			"memory its machine has",
			(long long)used);
		return 2 * used > min_mib ? 2 * used : min_mib;
	}
	if (room > share) {
		buf_printf(why,
			"a tenth more than the %lldmb that it uses now, which is more than its "
			"half of the machine's %lldmb: with less it would evict at once",
			(long long)used, (long long)total);
		return room;
	}
	buf_printf(why, "half of the machine's %lldmb", (long long)total);
	if (servers > 1)
		buf_printf(why, ", shared by %zu servers of the cluster", servers);
	buf_str(why, ": forks for saving, buffers of clients and other programs need the rest");
	return share;
}

bool diagnosis_memory_is_persistent(const struct redis_info *info)
{
	return info->keys > 0 && info->expiring >= 0 &&
	       (info->keys - info->expiring) * 2 > info->keys;
}

const char *diagnosis_memory_policy(const struct redis_info *info)
{
	/* Redis has no allkeys-ttl. */
	static const char *const policies[][3] = {{"lfu", "volatile-lfu", "allkeys-lfu"},
		{"random", "volatile-random", "allkeys-random"},
		{"lrm", "volatile-lrm", "allkeys-lrm"}, {"ttl", "volatile-ttl", "allkeys-lru"}};
	const char *dash = strrchr(info->policy, '-');
	bool all = diagnosis_memory_is_persistent(info);

	for (size_t i = 0; dash && i < sizeof policies / sizeof *policies; i++)
		if (strcmp(dash + 1, policies[i][0]) == 0)
			return policies[i][1 + all];
	return all ? "allkeys-lru" : "volatile-lru";
}

void diagnosis_memory_commands(int64_t mib, const char *policy, struct buf *out)
{
	/* The policy first: with the limit it takes effect. */
	if (policy)
		buf_printf(out, "CONFIG SET maxmemory-policy %s, ", policy);
	if (mib)
		buf_printf(out, "CONFIG SET maxmemory %lldmb, ", (long long)mib);
	buf_str(out, "then CONFIG REWRITE so that it lasts; of a server without a configuration "
		     "file, its options");
	if (policy)
		buf_printf(out, " --maxmemory-policy %s", policy);
	if (mib)
		buf_printf(out, " --maxmemory %lldmb", (long long)mib);
	buf_str(out, ".");
}

void diagnosis_memory_why(const struct redis_info *info, struct buf *out)
{
	if (diagnosis_memory_is_persistent(info))
		buf_printf(out,
			" %lld of %lld keys do not expire, and no volatile-* policy evicts those: "
			"allkeys-* does, and may then evict any key: also those without a TTL, "
			"protected ones among them, the sets of tags and the invalidation log. To "
			"keep these, give values a TTL (expire) and then set a volatile-* policy.",
			(long long)(info->keys - info->expiring), (long long)info->keys);
	else
		buf_str(out, " A volatile-* policy keeps the sets of tags and the invalidation "
			     "log, which have no expiry.");
}
