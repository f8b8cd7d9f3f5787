/* SPDX-License-Identifier: MIT */
/* A sample of the keys as JSON; see namespace_json.h. */
#include "api/namespace_json.h"

#include <string.h>

#include "api/keys.h"
#include "api/namespace_lookups.h"
#include "base/mem.h"
#include "cache/guard.h"
#include "text/json.h"

/* Whole keys and bytes, shares with six digits. */
static void add_estimate(
	cJSON *object, const char *name, const struct estimate *estimate, int decimals)
{
	cJSON *member = cJSON_AddObjectToObject(object, name);

	json_add_known(member, "value", estimate->value, decimals);
	json_add_known(member, "low", estimate->low, decimals);
	json_add_known(member, "high", estimate->high, decimals);
}

static void add_size(
	cJSON *item, const struct namespace_sample *sample, const struct namespace_sums *sums)
{
	struct estimate keys = namespace_sample_keys(sample, sums);
	struct estimate share = namespace_sample_share(sample, sums);
	struct estimate bytes = namespace_sample_bytes(sample, sums);

	json_add_uint(item, "sampled", sums->keys);
	add_estimate(item, "keys", &keys, 0);
	add_estimate(item, "share", &share, 6);
	add_estimate(item, "bytes", &bytes, 0);
	json_add_known(
		item, "mean_bytes", sums->measured ? sums->bytes / (double)sums->measured : -1, 1);
}

static double ratio(uint64_t part, uint64_t all)
{
	return all ? (double)part / (double)all : -1;
}

static void add_ages(cJSON *item, const struct namespace_sums *sums)
{
	static const char *const names[TTL_CLASSES] = {
		"none", "up_to_1m", "up_to_1h", "up_to_1d", "up_to_7d", "longer"};
	cJSON *ttl = cJSON_AddObjectToObject(item, "ttl");
	uint64_t known = 0;

	for (size_t i = 0; i < TTL_CLASSES; i++)
		known += sums->ttl[i];
	for (size_t i = 0; i < TTL_CLASSES; i++)
		json_add_known(ttl, names[i], ratio(sums->ttl[i], known), 4);
	json_add_known(item, "idle", ratio(sums->idle, sums->idle_known), 4);
}

static cJSON *part_json(const struct namespace_sample *sample, const struct namespace_sums *sums)
{
	cJSON *part = cJSON_CreateObject();

	add_size(part, sample, sums);
	add_ages(part, sums);
	return part;
}

static cJSON *row_json(const struct namespace_sample *sample, const struct namespace_row *row,
	const struct namespace_lookups *lookups)
{
	cJSON *item = cJSON_CreateObject();

	json_add_slice(item, "namespace", row->name);
	json_add_text(item, "kind", namespace_kind_name(row->kind));
	cJSON_AddBoolToObject(item, "merged", row->merged);
	add_size(item, sample, &row->sums);
	add_ages(item, &row->sums);
	namespace_lookups_add_row(lookups, item, (size_t)(row - sample->table->rows));
	return item;
}

/* Whether all of its keys begin with a prefix of the caller. */
static bool is_inside(const struct identity *who, const struct namespace_row *row)
{
	struct slice name = row->name;
	const char *star = name.n ? memchr(name.p, '*', name.n) : NULL;

	if (row->kind == NAMESPACE_DETECTED && star)
		name.n = (size_t)(star - name.p);
	return guard_inside_prefixes(who, name);
}

static void add_items(cJSON *object, const struct namespace_sample *sample,
	const struct identity *who, const struct namespace_lookups *lookups,
	struct namespace_page *page)
{
	cJSON *items = cJSON_AddArrayToObject(object, "items");
	struct namespace_rank *ranks;
	size_t count = namespace_table_ranks(sample->table, page->by_bytes, &ranks);
	size_t shown = 0;

	for (size_t i = page->from; i < count; i++) {
		if (shown == page->limit) {
			page->next = i;
			break;
		}
		if (!is_inside(who, ranks[i].row))
			continue;
		cJSON_AddItemToArray(items, row_json(sample, ranks[i].row, lookups));
		shown++;
	}
	mem_free(ranks);
}

/* Keys of our own and of sessions are nobody's business; of others, those inside the prefixes. */
static bool may_be_named(const struct guard *guard, struct slice key)
{
	struct fault fault;
	enum error error = guard_exact(guard, key, &fault);

	return error != ERR_KEY_RESERVED && error != ERR_KEY_OUTSIDE_PREFIXES;
}

static cJSON *names_json(
	const struct guard *guard, const struct namespace_list *list, const char *figure)
{
	cJSON *names = cJSON_CreateArray();

	for (size_t i = 0; i < list->count; i++) {
		struct slice key = buf_slice(&list->items[i].key);

		if (!may_be_named(guard, key))
			continue;
		cJSON *item = cJSON_CreateObject();

		keys_add_name(item, key);
		json_add_count(item, figure, list->items[i].figure);
		cJSON_AddItemToArray(names, item);
	}
	return names;
}

static void add_names(
	cJSON *object, const struct namespace_sample *sample, const struct guard *guard)
{
	const struct namespace_table *table = sample->table;
	struct namespace_sums big = {.keys = table->big};
	struct estimate keys = namespace_sample_keys(sample, &big);

	cJSON_AddItemToObject(
		object, "biggest", names_json(guard, &table->biggest, "memory_bytes"));
	cJSON *values = cJSON_AddObjectToObject(object, "big_values");
	json_add_int(values, "above_bytes", NAMESPACE_BIG_BYTES);
	json_add_uint(values, "sampled", table->big);
	add_estimate(values, "keys", &keys, 0);
}

/* What MONITOR has shown. */
static cJSON *monitored_json(const struct guard *guard, const struct hot_keys *hot)
{
	const struct hot_key *top[NAMESPACE_TABLE_TOP];
	size_t count = hot_keys_top(hot, NAMESPACE_TABLE_TOP, top);
	cJSON *names = cJSON_CreateArray();

	for (size_t i = 0; i < count; i++) {
		cJSON *item;

		if (!may_be_named(guard, buf_slice(&top[i]->key)))
			continue;
		item = cJSON_CreateObject();
		keys_add_name(item, buf_slice(&top[i]->key));
		json_add_number(item, "share", top[i]->count / hot->total, 4);
		cJSON_AddItemToArray(names, item);
	}
	return names;
}

static void add_hot(cJSON *object, const struct namespace_sample *sample,
	const struct client_lookups_view *view, const struct guard *guard)
{
	bool monitored = view->monitor && view->windows;
	cJSON *hot = cJSON_AddObjectToObject(object, "hot");

	json_add_text(hot, "method", monitored ? "monitor" : sample->by_frequency ? "lfu" : NULL);
	cJSON_AddItemToObject(hot, "keys",
		monitored ? monitored_json(guard, view->hot)
			  : names_json(guard, &sample->table->hot, "frequency"));
}

static void add_unmatched(cJSON *object, const struct namespace_sample *sample,
	const struct namespace_lookups *lookups, const struct guard *guard)
{
	cJSON *unmatched = part_json(sample, &sample->table->unmatched);
	cJSON *overflow = part_json(sample, &sample->table->overflow);

	namespace_lookups_add_unmatched(lookups, unmatched);
	namespace_lookups_add_rest(lookups, overflow);
	cJSON_AddItemToObject(unmatched, "names",
		names_json(guard, &sample->table->unmatched_names, "memory_bytes"));
	cJSON_AddItemToObject(object, "unmatched", unmatched);
	cJSON_AddItemToObject(object, "overflow", overflow);
}

static void add_nodes(cJSON *object, const struct app *app, const struct namespace_sample *sample)
{
	cJSON *nodes = cJSON_AddArrayToObject(object, "nodes");

	for (size_t i = 0; i < sample->node_count; i++) {
		const struct namespace_node *node = &sample->nodes[i];
		cJSON *item = cJSON_CreateObject();
		struct estimate bytes =
			estimate_sum(node->sums.bytes, node->sums.squares, node->sums.measured,
				(double)node->keys, sample->exact && sample->ended_mono_ms >= 0);

		json_add_text(item, "name", redis_node_name(node->node));
		json_add_count(item, "slots", store_slots(app->engine.cache.store, node->node));
		json_add_int(item, "keys", node->keys);
		json_add_uint(item, "sampled", node->sums.keys);
		add_estimate(item, "bytes", &bytes, 0);
		cJSON_AddItemToArray(nodes, item);
	}
}

static cJSON *slot_json(const struct app *app, const struct namespace_sample *sample,
	const struct namespace_slot *slot)
{
	const struct redis_node *node = store_slot_node(app->engine.cache.store, slot->slot);
	struct namespace_sums sums = {.keys = slot->keys};
	struct estimate keys = {(double)slot->keys, (double)slot->keys, (double)slot->keys};
	cJSON *item = cJSON_CreateObject();

	if (!sample->slots.told)
		keys = namespace_sample_keys(sample, &sums);
	json_add_uint(item, "slot", slot->slot);
	json_add_text(item, "node", node ? redis_node_name(node) : NULL);
	add_estimate(item, "keys", &keys, 0);
	json_add_known(item, "cpu_ms", slot->cpu_us < 0 ? -1 : (double)slot->cpu_us / 1000, 1);
	json_add_count(item, "in_bytes", slot->in_bytes);
	json_add_count(item, "out_bytes", slot->out_bytes);
	return item;
}

/* Of a cluster. */
static void add_slots(cJSON *object, const struct app *app, const struct namespace_sample *sample)
{
	const struct namespace_slots *slots = &sample->slots;

	if (!sample->in_cluster) {
		cJSON_AddNullToObject(object, "slots");
		return;
	}
	cJSON *member = cJSON_AddObjectToObject(object, "slots");
	json_add_text(member, "method", slots->told ? "slot-stats" : "sample");
	cJSON *largest = cJSON_AddArrayToObject(member, "largest");
	cJSON *busiest = cJSON_AddArrayToObject(member, "busiest");

	for (size_t i = 0; i < slots->largest_count; i++)
		cJSON_AddItemToArray(largest, slot_json(app, sample, &slots->largest[i]));
	for (size_t i = 0; i < slots->busiest_count; i++)
		cJSON_AddItemToArray(busiest, slot_json(app, sample, &slots->busiest[i]));
}

static void add_sample(cJSON *object, const struct namespace_sample *sample)
{
	cJSON *about = cJSON_AddObjectToObject(object, "sample");

	json_add_text(about, "method", sample->exact ? "scan" : "randomkey");
	json_add_uint(about, "keys", sample->table->all.keys);
	json_add_int(about, "of", sample->keys);
	json_add_number(about, "confidence", 0.95, 2);
	json_add_time(about, "began", sample->began_wall_ms);
	json_add_time(about, "ended", sample->ended_wall_ms);
}

static const char *state_of(const struct app *app, const struct namespace_sample *sample)
{
	if (app->engine.cache.conf->sampling.every_ms == 0)
		return "off";
	if (sample && sample->ended_mono_ms >= 0)
		return "complete";
	return sample ? "sampling" : "waiting";
}

void namespace_json(cJSON *object, const struct app *app, const struct identity *who,
	const struct conf *conf, struct namespace_page *page)
{
	const struct namespace_sample *sample = namespace_sampler_latest(app->namespaces);
	int64_t age_ms = namespace_sampler_age_ms(app->namespaces);
	struct fault fault = *namespace_sampler_fault(app->namespaces);
	struct namespace_lookups lookups;
	struct guard guard;

	guard_init_few(&guard, conf, who);
	fault_disclose(&fault);
	page->next = 0;
	json_add_text(object, "state", state_of(app, sample));
	json_add_known(object, "age_seconds", age_ms < 0 ? -1 : (double)age_ms / 1000, 1);
	json_add_text(object, "reason", fault.error ? fault.detail : NULL);
	struct client_lookups_view view = client_lookups_view(app->client_lookups);

	namespace_lookups_add_method(&view, object);
	if (!sample) {
		cJSON_AddNullToObject(object, "sample");
		cJSON_AddArrayToObject(object, "items");
		return;
	}
	add_sample(object, sample);
	cJSON_AddItemToObject(object, "all", part_json(sample, &sample->table->all));
	namespace_lookups_init(&lookups, app, sample);
	add_items(object, sample, who, &lookups, page);
	add_unmatched(object, sample, &lookups, &guard);
	add_names(object, sample, &guard);
	add_hot(object, sample, &lookups.view, &guard);
	namespace_lookups_release(&lookups);
	add_nodes(object, app, sample);
	add_slots(object, app, sample);
}
