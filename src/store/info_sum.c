/* SPDX-License-Identifier: MIT */
/* Adding up INFO by tables of its members; see info_sum.h. */
#include "store/info_sum.h"

#include <stddef.h>
#include <string.h>

#include "base/mem.h"

#define AT(member) offsetof(struct redis_info, member)
#define TEXT(member) \
	{ \
		offsetof(struct redis_info, member), sizeof(((struct redis_info *)0)->member) \
	}

static const size_t sums[] = {AT(connected_clients), AT(blocked_clients), AT(max_clients),
	AT(rejected_connections), AT(connections_received), AT(connected_slaves), AT(used_memory),
	AT(used_memory_rss), AT(used_memory_peak), AT(total_system_memory), AT(loading),
	AT(loading_loaded_bytes), AT(loading_total_bytes), AT(hits), AT(misses), AT(expired_keys),
	AT(evicted_keys), AT(commands_processed), AT(ops_per_second), AT(net_input_bytes),
	AT(net_output_bytes), AT(keys), AT(expiring)};

/* Of one server alone. */
static const size_t singles[] = {
	AT(tcp_port), AT(process_id), AT(master_last_io_seconds), AT(replication_offset)};

static const struct {
	size_t offset, size;
} texts[] = {TEXT(version), TEXT(redis_version), TEXT(mode), TEXT(role), TEXT(run_id),
	TEXT(master_replid), TEXT(os), TEXT(build_id), TEXT(policy), TEXT(master_link_status)};

static int64_t *number(struct redis_info *info, size_t offset)
{
	return (int64_t *)((char *)info + offset);
}

static int64_t number_of(const struct redis_info *info, size_t offset)
{
	return *(const int64_t *)((const char *)info + offset);
}

static int64_t add(int64_t a, int64_t b)
{
	return a < 0 || b < 0 ? -1 : a + b;
}

static void add_command(
	struct redis_info *sum, const struct redis_info_command *command, size_t *at)
{
	/* Servers list them in the same order: mostly the next one is it. */
	for (size_t i = 0; i < sum->command_count; i++) {
		size_t k = (*at + i) % sum->command_count;

		if (strcmp(sum->commands[k].name, command->name) != 0)
			continue;
		sum->commands[k].calls = add(sum->commands[k].calls, command->calls);
		sum->commands[k].usec = add(sum->commands[k].usec, command->usec);
		*at = k + 1;
		return;
	}
	sum->commands =
		mem_realloc(sum->commands, (sum->command_count + 1) * sizeof *sum->commands);
	sum->commands[sum->command_count++] = *command;
}

static void add_commands(struct redis_info *sum, const struct redis_info *info)
{
	size_t at = 0;

	for (size_t i = 0; i < info->command_count; i++)
		add_command(sum, &info->commands[i], &at);
}

/* The average is over keys that expire. */
static int64_t mean_ttl(const struct redis_info *a, const struct redis_info *b)
{
	double expiring = (double)a->expiring + (double)b->expiring;

	if (a->avg_ttl_ms < 0 || b->avg_ttl_ms < 0 || a->expiring < 0 || b->expiring < 0)
		return -1;
	if (expiring == 0)
		return 0;
	return (int64_t)(((double)a->avg_ttl_ms * (double)a->expiring +
				 (double)b->avg_ttl_ms * (double)b->expiring) /
			 expiring);
}

static void begin(struct redis_info *sum, const struct redis_info *info)
{
	*sum = *info;
	sum->commands = NULL;
	sum->replicas = NULL;
	sum->command_count = sum->replica_count = 0;
	add_commands(sum, info);
}

static void join_texts(struct redis_info *sum, const struct redis_info *info)
{
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		char *a = (char *)sum + texts[i].offset;

		if (strcmp(a, (const char *)info + texts[i].offset) != 0)
			memset(a, 0, texts[i].size);
	}
}

void info_sum_add(struct redis_info *sum, size_t count, const struct redis_info *info)
{
	if (count == 0) {
		redis_info_release(sum);
		begin(sum, info);
		return;
	}
	sum->avg_ttl_ms = mean_ttl(sum, info);
	bool limited = sum->max_memory > 0 && info->max_memory > 0;
	bool known = sum->max_memory >= 0 && info->max_memory >= 0;

	sum->max_memory = limited ? sum->max_memory + info->max_memory : known ? 0 : -1;
	for (size_t i = 0; i < sizeof sums / sizeof *sums; i++)
		*number(sum, sums[i]) = add(number_of(sum, sums[i]), number_of(info, sums[i]));
	for (size_t i = 0; i < sizeof singles / sizeof *singles; i++)
		*number(sum, singles[i]) = -1;
	if (info->uptime_seconds < sum->uptime_seconds)
		sum->uptime_seconds = info->uptime_seconds;
	sum->fragmentation_ratio = sum->used_memory > 0 && sum->used_memory_rss >= 0
					   ? (double)sum->used_memory_rss / (double)sum->used_memory
					   : -1;
	sum->flush_calls += info->flush_calls;
	sum->valkey = sum->valkey && info->valkey;
	join_texts(sum, info);
	add_commands(sum, info);
}
