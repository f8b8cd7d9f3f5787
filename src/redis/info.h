/* SPDX-License-Identifier: MIT */
/*
 * The reply to INFO, parsed: for stats, health, /metrics and the check of a pass. Unknown fields
 * are ignored; a known one that is absent, or below 0, is -1 (numbers) or "" (texts).
 */
#ifndef CW_REDIS_INFO_H
#define CW_REDIS_INFO_H

#include "base/metric_redis.h"

struct redis_info_command {
	char name[48];
	int64_t calls;
	int64_t usec;
};

/* A replica, as its primary sees it. */
struct redis_info_replica {
	char name[72];	   /* "host:port", as it announces itself; longer ones are cut */
	char state[24];	   /* "online", or how far it is */
	int64_t lag_bytes; /* how much of the primary's stream it has not confirmed; -1 = not known
			    */
};

struct redis_info {
	char version[32];	/* Redis's or Valkey's own */
	char redis_version[32]; /* Valkey: the Redis version that it is compatible with */
	char mode[16], role[16], run_id[48], master_replid[48];
	char os[96], build_id[48], policy[32], master_link_status[16];
	int64_t tcp_port, process_id, uptime_seconds;
	int64_t connected_clients, blocked_clients, max_clients, rejected_connections;
	int64_t connections_received, connected_slaves, master_last_io_seconds;
	int64_t used_memory, used_memory_rss, used_memory_peak, max_memory, total_system_memory;
	double fragmentation_ratio; /* < 0 if absent */
	int64_t loading, loading_loaded_bytes, loading_total_bytes;
	int64_t hits, misses, expired_keys, evicted_keys;
	int64_t commands_processed, ops_per_second, net_input_bytes, net_output_bytes;
	int64_t keys, expiring, avg_ttl_ms; /* of our database */
	int64_t flush_calls;		    /* FLUSHDB + FLUSHALL + SWAPDB, from commandstats */
	bool valkey;
	struct redis_info_command *commands;
	size_t command_count;
	struct redis_info_replica *replicas;
	size_t replica_count;
	int64_t replication_offset; /* of the stream to the replicas */
};

/* `database` selects the line of Keyspace. Release what it filled with redis_info_release(). */
void redis_info_parse(struct slice text, unsigned database, struct redis_info *ret);
/* A figure of /metrics; below 0 if it is absent. */
int64_t redis_info_figure(const struct redis_info *info, enum metric_redis figure);
void redis_info_release(struct redis_info *info);

#endif
