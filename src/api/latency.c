/* SPDX-License-Identifier: MIT */
/* GET /latency: how long commands take in Redis itself, by LATENCY HISTOGRAM of all primaries. */
#include <stdlib.h>
#include <string.h>

#include "api/handlers.h"
#include "api/server_nodes.h"
#include "text/json.h"
#include "watch/latency_table.h"

static void add_us(cJSON *item, const char *name, int64_t us)
{
	json_add_known(item, name, us < 0 ? -1 : (double)us / 1000, 3);
}

/* INFO commandstats has calls and time in all; its counters begin with those of the histograms. */
static double mean_us(const struct app *app, const char *name)
{
	const struct redis_info *info = &sampler_latest(app->sampler)->info;

	for (size_t i = 0; i < info->command_count; i++)
		if (strcmp(info->commands[i].name, name) == 0 && info->commands[i].calls > 0)
			return (double)info->commands[i].usec / (double)info->commands[i].calls;
	return -1;
}

static cJSON *row_json(const struct app *app, const struct latency_row *row)
{
	cJSON *item = cJSON_CreateObject();
	double mean = mean_us(app, row->name);

	json_add_slice(item, "command", slice_str(row->name));
	json_add_int(item, "calls", row->calls);
	json_add_known(item, "mean_ms", mean < 0 ? -1 : mean / 1000, 4);
	add_us(item, "p50_ms", latency_quantile_us(row, 0.5));
	add_us(item, "p99_ms", latency_quantile_us(row, 0.99));
	add_us(item, "p999_ms", latency_quantile_us(row, 0.999));
	add_us(item, "max_ms", latency_quantile_us(row, 1));
	return item;
}

void api_latency(struct request *request, void *context)
{
	const struct app *app = context;
	struct latency_table table = {0};
	struct answer_set *set;
	struct fault fault;

	if (server_answers_get(app->latency, &set, &fault)) {
		reply_fault(request, &fault);
		return;
	}
	for (size_t i = 0; i < set->count; i++)
		if (set->items[i].reply)
			latency_table_add(&table, set->items[i].reply);
	latency_table_sort(&table);
	cJSON *body = server_nodes_begin(set), *items = cJSON_AddArrayToObject(body, "items");

	for (size_t i = 0; i < table.count; i++)
		cJSON_AddItemToArray(items, row_json(app, &table.rows[i]));
	cJSON_AddNullToObject(body, "next");
	latency_table_release(&table);
	server_answers_unref(set);
	reply_json(request, 200, body);
}
