/* SPDX-License-Identifier: MIT */
/*
 * The figures of INFO that /metrics shows as they are, under the names of redis_exporter: X(NAME,
 * "name", KIND, member of struct redis_info, "help").
 */
#ifndef CW_BASE_METRIC_REDIS_H
#define CW_BASE_METRIC_REDIS_H

#include "base/metric.h"

/* clang-format off */
#define METRIC_REDIS_TABLE(X) \
	X(UPTIME_IN_SECONDS, "redis_uptime_in_seconds", GAUGE, uptime_seconds, "Seconds since the server started") \
	X(CONNECTED_CLIENTS, "redis_connected_clients", GAUGE, connected_clients, "Client connections") \
	X(BLOCKED_CLIENTS, "redis_blocked_clients", GAUGE, blocked_clients, "Clients in a blocking call") \
	X(CONFIG_MAXCLIENTS, "redis_config_maxclients", GAUGE, max_clients, "Maximum number of clients") \
	X(CONNECTED_SLAVES, "redis_connected_slaves", GAUGE, connected_slaves, "Replicas connected") \
	X(MASTER_LAST_IO_SECONDS_AGO, "redis_master_last_io_seconds_ago", GAUGE, master_last_io_seconds, "Seconds since a replica last received data from its master") \
	X(MEMORY_USED_BYTES, "redis_memory_used_bytes", GAUGE, used_memory, "Memory in use") \
	X(MEMORY_USED_RSS_BYTES, "redis_memory_used_rss_bytes", GAUGE, used_memory_rss, "Resident memory") \
	X(MEMORY_USED_PEAK_BYTES, "redis_memory_used_peak_bytes", GAUGE, used_memory_peak, "Peak memory in use") \
	X(MEMORY_MAX_BYTES, "redis_memory_max_bytes", GAUGE, max_memory, "maxmemory, 0 = none") \
	X(CONFIG_MAXMEMORY, "redis_config_maxmemory", GAUGE, max_memory, "maxmemory, 0 = none") \
	X(TOTAL_SYSTEM_MEMORY_BYTES, "redis_total_system_memory_bytes", GAUGE, total_system_memory, "Memory of the server's host") \
	X(CONNECTIONS_RECEIVED_TOTAL, "redis_connections_received_total", COUNTER, connections_received, "Connections accepted") \
	X(REJECTED_CONNECTIONS_TOTAL, "redis_rejected_connections_total", COUNTER, rejected_connections, "Connections refused by maxclients") \
	X(COMMANDS_PROCESSED_TOTAL, "redis_commands_processed_total", COUNTER, commands_processed, "Commands run") \
	X(KEYSPACE_HITS_TOTAL, "redis_keyspace_hits_total", COUNTER, hits, "Lookups that found a key") \
	X(KEYSPACE_MISSES_TOTAL, "redis_keyspace_misses_total", COUNTER, misses, "Lookups that found none") \
	X(EXPIRED_KEYS_TOTAL, "redis_expired_keys_total", COUNTER, expired_keys, "Keys expired") \
	X(EVICTED_KEYS_TOTAL, "redis_evicted_keys_total", COUNTER, evicted_keys, "Keys evicted by maxmemory") \
	X(NET_INPUT_BYTES_TOTAL, "redis_net_input_bytes_total", COUNTER, net_input_bytes, "Bytes received") \
	X(NET_OUTPUT_BYTES_TOTAL, "redis_net_output_bytes_total", COUNTER, net_output_bytes, "Bytes sent")
/* clang-format on */

enum metric_redis {
#define X(name, text, kind, member, help) METRIC_REDIS_##name,
	METRIC_REDIS_TABLE(X)
#undef X
		METRIC_REDIS_COUNT
};

/* The row of a name; METRIC_REDIS_COUNT if there is none. */
enum metric_redis metric_redis_named(struct slice name);
enum metric_kind metric_redis_kind(enum metric_redis figure);
const char *metric_redis_name(enum metric_redis figure);
const char *metric_redis_help(enum metric_redis figure);

#endif
