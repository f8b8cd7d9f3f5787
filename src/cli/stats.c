/* SPDX-License-Identifier: MIT */
/* cachewarden stats. */
#include <math.h>

#include "cli/cell.h"
#include "cli/client.h"
#include "cli/command_table.h"
#include "cli/grid.h"
#include "cli/view.h"

#define TEXT(path)  cli_cell_text(cli, stats, path)
#define COUNT(path) cli_cell_count_at(cli, stats, path)
#define BYTES(path) cli_cell_bytes_at(cli, stats, path)
#define REAL(path)  cli_cell_real_at(cli, stats, path)
#define RATIO(path) cli_cell_ratio_at(cli, stats, path)
#define SPAN(path)  cli_cell_span_at(cli, stats, path)

static enum cli_color memory_color(double ratio)
{
	return ratio > 0.95 ? CLI_BAD : ratio > 0.8 ? CLI_WARN : CLI_PLAIN;
}

static void add_memory(struct cli *cli, struct cli_grid *grid, struct json_value stats)
{
	double ratio = cli_view_number(stats, "redis/memory/used_ratio", -1);

	cli_grid_pair(grid, "memory", memory_color(ratio), "%s%s%s%s, %s, fragmentation %s",
		BYTES("redis/memory/used_bytes"), ratio < 0 ? ", no limit" : " (",
		ratio < 0 ? "" : cli_cell_ratio(cli, ratio), ratio < 0 ? "" : " of the limit)",
		TEXT("redis/memory/policy"), REAL("redis/memory/fragmentation_ratio"));
}

static void add_redis(struct cli *cli, struct cli_grid *grid, struct json_value stats)
{
	bool up = cli_view_is(stats, "redis/status", "up");

	cli_grid_pair(grid, "redis", up ? CLI_GOOD : CLI_BAD, "%s, %s %s %s, since %s",
		TEXT("redis/status"), TEXT("redis/version"), TEXT("redis/mode"), TEXT("redis/role"),
		SPAN("redis/uptime_seconds"));
	cli_grid_pair(grid, "hit rate", CLI_BOLD, "%s of the last %s; in all %s hits, %s misses",
		RATIO("redis/hit_rate"), SPAN("redis/hit_rate_window_seconds"), COUNT("redis/hits"),
		COUNT("redis/misses"));
	add_memory(cli, grid, stats);
	cli_grid_pair(grid, "keys", CLI_PLAIN,
		"%s, with a TTL %s; a second %s expire, %s are evicted", COUNT("redis/keys/total"),
		COUNT("redis/keys/expiring"), REAL("redis/keys/expired_per_second"),
		REAL("redis/keys/evicted_per_second"));
	cli_grid_pair(grid, "commands", CLI_PLAIN, "%s a second, %s in all",
		REAL("redis/commands/per_second"), COUNT("redis/commands/total"));
	cli_grid_pair(grid, "latency", CLI_PLAIN, "p50 %s ms, p99 %s ms, max %s ms",
		TEXT("redis/latency_ms/p50"), TEXT("redis/latency_ms/p99"),
		TEXT("redis/latency_ms/max"));
	cli_grid_pair(grid, "clients", CLI_PLAIN, "%s of %s, blocked %s, rejected %s",
		COUNT("redis/clients/connected"), COUNT("redis/clients/max"),
		COUNT("redis/clients/blocked"), COUNT("redis/clients/rejected"));
}

/* "1 firing, 2 resolved": the answer has those that are not inactive. */
static void add_alerts(struct cli *cli, struct cli_grid *grid, struct json_value stats)
{
	static const struct {
		const char *state;
		enum cli_color color;
	} states[] = {{"firing", CLI_BAD}, {"pending", CLI_WARN}, {"resolved", CLI_PLAIN}};
	enum cli_color color = CLI_PLAIN;
	struct buf text = {0};

	for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
		struct json_iter alerts = cli_view_each(stats, "alerts");
		size_t count = 0;

		while (json_next(&alerts))
			count += cli_view_is(alerts.value, "state", states[i].state);
		if (!count)
			continue;
		color = text.n ? color : states[i].color;
		buf_printf(&text, "%s%zu %s", text.n ? ", " : "", count, states[i].state);
	}
	if (text.n)
		buf_str(&text, ": cachewarden alerts");
	cli_grid_pair(
		grid, "alerts", color, "%s", text.n ? arena_take(&cli->arena, &text).p : "none");
}

static void add_daemon(struct cli *cli, struct cli_grid *grid, struct json_value stats)
{
	bool closed = cli_view_is(stats, "breaker/state", "closed");
	bool paused = cli_view_true(stats, "warming/paused");

	cli_grid_pair(grid, "cache", CLI_PLAIN,
		"%s gets, hit rate %s, %s sets, %s loads, %s stale served, %s keys invalidated",
		COUNT("cache/gets"), RATIO("cache/hit_rate"), COUNT("cache/sets"),
		COUNT("cache/loads"), COUNT("cache/stale_served"), COUNT("cache/invalidated_keys"));
	cli_grid_pair(grid, "warming", paused ? CLI_WARN : CLI_PLAIN, "%zu jobs, %s running%s",
		cli_view_length(stats, "warming/jobs"), COUNT("warming/running"),
		paused ? ", paused" : "");
	cli_grid_pair(grid, "breaker", closed ? CLI_PLAIN : CLI_BAD, "%s since %s, %s failures",
		TEXT("breaker/state"), cli_cell_when(cli, stats, "breaker/since"),
		COUNT("breaker/failures"));
	add_alerts(cli, grid, stats);
	cli_grid_pair(grid, "daemon", CLI_PLAIN,
		"cachewardend %s, since %s, %s, %s descriptors, loop lag p99 %s ms",
		TEXT("process/version"), SPAN("process/uptime_seconds"), BYTES("process/rss_bytes"),
		COUNT("process/open_fds"), TEXT("process/loop_lag_ms/p99"));
}

static void print_nodes(struct cli *cli, struct json_value stats)
{
	struct cli_grid *grid = cli_grid_new(cli, "*NODE|STATUS|ROLE|>SLOTS|>KEYS|>MEMORY|*ERROR");
	struct json_iter nodes = cli_view_each(stats, "redis/nodes");

	if (cli_view_length(stats, "redis/nodes") < 2)
		return;
	while (json_next(&nodes)) {
		struct json_value node = nodes.value;
		bool up = cli_view_is(node, "status", "up");

		cli_grid_add(grid, CLI_PLAIN, cli_cell_text(cli, node, "name"));
		cli_grid_add(grid, up ? CLI_GOOD : CLI_BAD, cli_cell_text(cli, node, "status"));
		cli_grid_add(grid, CLI_PLAIN, cli_cell_text(cli, node, "role"));
		cli_grid_add(grid, CLI_PLAIN, cli_cell_count_at(cli, node, "slots"));
		cli_grid_add(grid, CLI_PLAIN, cli_cell_count_at(cli, node, "keys"));
		cli_grid_add(grid, CLI_PLAIN, cli_cell_bytes_at(cli, node, "used_bytes"));
		cli_grid_add(grid, CLI_PLAIN, cli_cell_text(cli, node, "last_error"));
	}
	cli_grid_print(grid);
}

int cli_stats(struct cli *cli, const struct cli_args *args)
{
	struct cli_answer answer;
	int exit = cli_client_get(cli, CLI_ADMIN "/stats", &answer);

	(void)args;
	if (exit || cli->json)
		return exit;
	struct cli_grid *grid = cli_grid_new(cli, "=|=");
	struct json_value stats = answer.json;
	double age = cli_view_number(stats, "sample_age_ms", (double)NAN) / 1000;

	if (isnan(age))
		cli_grid_pair(grid, "name", CLI_BOLD, "%s, no figures yet: no sample was taken",
			TEXT("name"));
	else
		cli_grid_pair(grid, "name", CLI_BOLD, "%s, figures of %s ago", TEXT("name"),
			cli_cell_span(cli, age));
	add_redis(cli, grid, stats);
	add_daemon(cli, grid, stats);
	cli_grid_print(grid);
	print_nodes(cli, stats);
	return CLI_DONE;
}
