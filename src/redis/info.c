/* SPDX-License-Identifier: MIT */
/* Parses INFO line by line by a table of known fields; see info.h. */
#include "redis/info.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "redis/value.h"

#define TEXT(name, field) \
	{ \
		name, offsetof(struct redis_info, field), sizeof(((struct redis_info *)0)->field) \
	}
#define NUMBER(name, field) \
	{ \
		name, offsetof(struct redis_info, field), 0 \
	}

static const struct {
	const char *name;
	size_t offset;
	size_t size; /* of a text; 0 = an int64_t */
} fields[] = {
	TEXT("redis_version", redis_version),
	TEXT("redis_mode", mode),
	TEXT("server_mode", mode), /* Valkey */
	TEXT("role", role),
	TEXT("run_id", run_id),
	TEXT("master_replid", master_replid),
	TEXT("os", os),
	TEXT("redis_build_id", build_id),
	TEXT("maxmemory_policy", policy),
	TEXT("master_link_status", master_link_status),
	NUMBER("tcp_port", tcp_port),
	NUMBER("process_id", process_id),
	NUMBER("uptime_in_seconds", uptime_seconds),
	NUMBER("connected_clients", connected_clients),
	NUMBER("blocked_clients", blocked_clients),
	NUMBER("maxclients", max_clients),
	NUMBER("rejected_connections", rejected_connections),
	NUMBER("total_connections_received", connections_received),
	NUMBER("connected_slaves", connected_slaves),
	NUMBER("master_repl_offset", replication_offset),
	NUMBER("master_last_io_seconds_ago", master_last_io_seconds),
	NUMBER("used_memory", used_memory),
	NUMBER("used_memory_rss", used_memory_rss),
	NUMBER("used_memory_peak", used_memory_peak),
	NUMBER("maxmemory", max_memory),
	NUMBER("total_system_memory", total_system_memory),
	NUMBER("loading", loading),
	NUMBER("loading_loaded_bytes", loading_loaded_bytes),
	NUMBER("loading_total_bytes", loading_total_bytes),
	NUMBER("keyspace_hits", hits),
	NUMBER("keyspace_misses", misses),
	NUMBER("expired_keys", expired_keys),
	NUMBER("evicted_keys", evicted_keys),
	NUMBER("total_commands_processed", commands_processed),
	NUMBER("instantaneous_ops_per_sec", ops_per_second),
	NUMBER("total_net_input_bytes", net_input_bytes),
	NUMBER("total_net_output_bytes", net_output_bytes),
};

enum { field_count = sizeof fields / sizeof *fields, max_commands = 1024, max_replicas = 256 };

/* -1 for text that is not a number, or not one that a server can have counted. */
static int64_t number_of(struct slice text)
{
	int64_t number;

	return slice_int64(text, &number) && number >= 0 && number <= REDIS_MAX_NUMBER ? number
										       : -1;
}

struct info_parser {
	struct redis_info *info;
	unsigned database;
	size_t command_cap;
};

static void copy_text(char *to, size_t size, struct slice value)
{
	size_t n = value.n < size ? value.n : size - 1;

	memcpy(to, value.p, n);
	to[n] = '\0';
}

static void set_field(struct redis_info *info, size_t i, struct slice value)
{
	char *at = (char *)info + fields[i].offset;

	if (fields[i].size)
		copy_text(at, fields[i].size, value);
	else
		*(int64_t *)at = number_of(value);
}

static bool known_field(struct redis_info *info, struct slice name, struct slice value)
{
	for (size_t i = 0; i < field_count; i++) {
		if (!slice_is(name, fields[i].name))
			continue;
		set_field(info, i, value);
		return true;
	}
	return false;
}

/* The value of `name=` in "calls=1,usec=2,usec_per_call=2.00"; empty if it has none. */
static struct slice member_text(struct slice list, const char *name)
{
	size_t length = strlen(name);

	while (list.n > 0) {
		const char *comma = memchr(list.p, ',', list.n);
		size_t n = comma ? (size_t)(comma - list.p) : list.n;

		if (n > length && list.p[length] == '=' && memcmp(list.p, name, length) == 0)
			return slice_of(list.p + length + 1, n - length - 1);
		n += comma != NULL;
		list = slice_skip(list, n);
	}
	return SLICE("");
}

/* The same as a number; -1 if there is none. */
static int64_t member(struct slice list, const char *name)
{
	return number_of(member_text(list, name));
}

static void add_command(struct info_parser *parser, struct slice name, struct slice value)
{
	struct redis_info *info = parser->info;
	int64_t calls = member(value, "calls");

	if (calls < 0 || info->command_count == max_commands)
		return;
	if ((slice_is(name, "flushdb") || slice_is(name, "flushall") || slice_is(name, "swapdb")) &&
		info->flush_calls <= REDIS_MAX_NUMBER)
		info->flush_calls += calls;
	if (info->command_count == parser->command_cap) {
		parser->command_cap = parser->command_cap ? parser->command_cap * 2 : 64;
		info->commands =
			mem_realloc(info->commands, parser->command_cap * sizeof *info->commands);
	}
	struct redis_info_command *command = &info->commands[info->command_count++];

	copy_text(command->name, sizeof command->name, name);
	command->calls = calls;
	command->usec = member(value, "usec");
}

/* slave0:ip=127.0.0.1,port=6380,state=online,offset=14,lag=0 */
static void add_replica(struct info_parser *parser, struct slice value)
{
	struct redis_info *info = parser->info;
	struct slice host = member_text(value, "ip");
	int64_t port = member(value, "port");
	bool numeric_6 = host.n && memchr(host.p, ':', host.n);

	if (host.n == 0 || port < 0 || info->replica_count == max_replicas)
		return;
	if (info->replica_count % 16 == 0)
		info->replicas = mem_realloc(
			info->replicas, (info->replica_count + 16) * sizeof *info->replicas);
	struct redis_info_replica *replica = &info->replicas[info->replica_count++];

	snprintf(replica->name, sizeof replica->name, numeric_6 ? "[%.*s]:%lld" : "%.*s:%lld",
		host.n < 60 ? (int)host.n : 60, host.p, (long long)port);
	copy_text(replica->state, sizeof replica->state, member_text(value, "state"));
	/* Until all lines are read: its own offset. */
	replica->lag_bytes = member(value, "offset");
}

/* Its offset may be newer than the line of the primary's own. */
static void compute_lags(struct redis_info *info)
{
	for (size_t i = 0; i < info->replica_count; i++) {
		struct redis_info_replica *replica = &info->replicas[i];
		bool known = replica->lag_bytes >= 0 && info->replication_offset >= 0;
		int64_t behind = info->replication_offset - replica->lag_bytes;

		replica->lag_bytes = !known ? -1 : behind > 0 ? behind : 0;
	}
}

/* "slave" and digits: others begin so, too. */
static bool is_replica(struct slice name)
{
	uint64_t number;

	return slice_starts(name, SLICE("slave")) && slice_uint64(slice_skip(name, 5), &number);
}

static void add_database(struct info_parser *parser, struct slice value)
{
	parser->info->keys = member(value, "keys");
	parser->info->expiring = member(value, "expires");
	parser->info->avg_ttl_ms = member(value, "avg_ttl");
}

static void fragmentation(struct redis_info *info, struct slice value)
{
	char text[32], *end;

	if (value.n == 0 || value.n >= sizeof text)
		return;
	copy_text(text, sizeof text, value);
	double ratio = strtod(text, &end);

	if (*end == '\0' && isfinite(ratio) && ratio >= 0)
		info->fragmentation_ratio = ratio;
}

static void parse_field(struct info_parser *parser, struct slice name, struct slice value)
{
	struct redis_info *info = parser->info;
	char database[16];

	if (known_field(info, name, value))
		return;
	if (slice_starts(name, SLICE("cmdstat_"))) {
		add_command(parser, slice_skip(name, 8), value);
		return;
	}
	if (is_replica(name)) {
		add_replica(parser, value);
		return;
	}
	snprintf(database, sizeof database, "db%u", parser->database);
	if (slice_is(name, database)) {
		add_database(parser, value);
	} else if (slice_is(name, "mem_fragmentation_ratio")) {
		fragmentation(info, value);
	} else if (slice_is(name, "valkey_version")) {
		info->valkey = true;
		copy_text(info->version, sizeof info->version, value);
	}
}

static void begin(struct redis_info *info)
{
	*info = (struct redis_info){
		.fragmentation_ratio = -1, .keys = -1, .expiring = -1, .avg_ttl_ms = -1};
	for (size_t i = 0; i < field_count; i++)
		if (!fields[i].size)
			*(int64_t *)((char *)info + fields[i].offset) = -1;
}

void redis_info_parse(struct slice text, unsigned database, struct redis_info *ret)
{
	struct info_parser parser = {.info = ret, .database = database};

	begin(ret);
	while (text.n > 0) {
		const char *end = memchr(text.p, '\n', text.n);
		size_t n = end ? (size_t)(end - text.p) : text.n;
		struct slice line = slice_of(text.p, n > 0 && text.p[n - 1] == '\r' ? n - 1 : n);
		const char *colon = line.n ? memchr(line.p, ':', line.n) : NULL;

		if (colon && line.p[0] != '#') {
			size_t name = (size_t)(colon - line.p);

			parse_field(&parser, slice_of(line.p, name),
				slice_of(colon + 1, line.n - name - 1));
		}
		/* A database without keys has no line there. */
		if (slice_is(line, "# Keyspace") && ret->keys < 0)
			ret->keys = ret->expiring = ret->avg_ttl_ms = 0;
		n += end != NULL;
		text = slice_skip(text, n);
	}
	if (!ret->valkey)
		memcpy(ret->version, ret->redis_version, sizeof ret->version);
	compute_lags(ret);
}

void redis_info_release(struct redis_info *info)
{
	mem_free(info->commands);
	mem_free(info->replicas);
	info->commands = NULL;
	info->replicas = NULL;
	info->command_count = info->replica_count = 0;
}

int64_t redis_info_figure(const struct redis_info *info, enum metric_redis figure)
{
	static const size_t offsets[METRIC_REDIS_COUNT] = {
#define X(name, text, kind, member, help) offsetof(struct redis_info, member),
		METRIC_REDIS_TABLE(X)
#undef X
	};
	int64_t value;

	memcpy(&value, (const char *)info + offsets[figure], sizeof value);
	return value;
}
