/* SPDX-License-Identifier: MIT */
/* Random keys, page by page; see namespace_run.h. */
#include "watch/namespace_run.h"

#include "base/mem.h"
#include "base/name_list.h"
#include "cache/guard.h"
#include "watch/namespace_ask.h"
#include "watch/namespace_scan.h"

enum {
	min_page = 10,
	max_page = 250,
	page_step = 10,
	page_every_ms = 2000, /* longer pauses would not save wake-ups that matter */
	max_page_us = 4000,
	share_of_time = 64,
};

struct namespace_sample *namespace_sample_new(struct conf *conf)
{
	struct namespace_sample *sample = mem_new(struct namespace_sample);

	sample->conf = conf_ref(conf);
	sample->table = namespace_table_new();
	namespace_table_begin(sample->table, conf);
	sample->began_wall_ms = clock_wall_ms();
	sample->began_mono_ms = clock_mono_ms();
	sample->ended_wall_ms = sample->ended_mono_ms = -1;
	return sample;
}

void namespace_sample_free(struct namespace_sample *sample)
{
	if (!sample)
		return;
	for (size_t i = 0; i < sample->node_count; i++) {
		redis_batch_free(sample->nodes[i].batch);
		redis_node_unref(sample->nodes[i].node);
	}
	mem_free(sample->nodes);
	namespace_slots_release(&sample->slots);
	namespace_table_free(sample->table);
	conf_unref(sample->conf);
	mem_free(sample);
}

struct key_run {
	struct cache *cache;
	const struct sampler *sampler;
	struct namespace_sample *sample;
	size_t page;
	int64_t took_us; /* the slowest batch of the last page */
	struct fault *fault;
};

static struct namespace_node *node_of(struct namespace_sample *sample, struct redis_node *node)
{
	for (size_t i = 0; i < sample->node_count; i++)
		if (sample->nodes[i].node == node)
			return &sample->nodes[i];
	sample->nodes =
		mem_realloc(sample->nodes, (sample->node_count + 1) * sizeof *sample->nodes);
	sample->nodes[sample->node_count] =
		(struct namespace_node){.node = redis_node_ref(node), .batch = redis_batch_new()};
	return &sample->nodes[sample->node_count++];
}

/*
 * The primaries with their keys as INFO has them now; how many have told. A server that is away, or
 * is not a primary any more, has none.
 */
static size_t follow_primaries(struct key_run *run)
{
	struct namespace_sample *sample = run->sample;
	struct redis_node *const *nodes;
	size_t count = store_primaries(run->cache->store, &nodes), told = 0;

	sample->keys = 0;
	for (size_t i = 0; i < sample->node_count; i++)
		sample->nodes[i].keys = 0;
	for (size_t i = 0; i < count; i++) {
		struct namespace_node *node = node_of(sample, nodes[i]);
		const struct server_sample *server = sampler_server(run->sampler, nodes[i]);

		node->keys = server && server->info.keys > 0 ? server->info.keys : 0;
		sample->keys += node->keys;
		told += server != NULL;
	}
	return told;
}

/* Waits for a node's batch. An error reply to its first command counts as one. */
static enum error finish(struct key_run *run, struct namespace_node *node)
{
	enum error error = redis_batch_wait(node->batch, cache_deadline(run->cache), run->fault);

	if (!error && redis_batch_took_us(node->batch) > run->took_us)
		run->took_us = redis_batch_took_us(node->batch);
	return error;
}

static void ask_for_names(struct key_run *run, size_t page)
{
	struct namespace_sample *sample = run->sample;

	for (size_t i = 0; i < sample->node_count; i++) {
		struct namespace_node *node = &sample->nodes[i];

		node->owed += (double)page * (double)node->keys / (double)sample->keys;
		node->asked = (size_t)node->owed;
		node->owed -= (double)node->asked;
		redis_batch_clear(node->batch);
		for (size_t n = 0; n < node->asked; n++)
			REDIS_ADD(node->batch, SLICE("RANDOMKEY"));
		if (node->asked &&
			redis_node_start(node->node, REDIS_BULK, node->batch, run->fault))
			node->asked = 0;
	}
}

/* Names that came from a node; the list belongs to the caller. */
static enum error take_names(
	struct key_run *run, struct namespace_node *node, struct name_list *ret)
{
	enum error error = finish(run, node);

	for (size_t i = 0; i < node->asked && !error; i++) {
		const struct redis_value *reply = redis_batch_reply(node->batch, i);

		error = redis_value_error(reply, run->fault);
		if (!error && reply->type == REDIS_STRING && reply->text.n <= KEY_MAX_BYTES)
			name_list_add(ret, reply->text);
	}
	redis_batch_clear(node->batch);
	return error;
}

/* The second round trip of a node. Parks. */
static enum error look_at_names(
	struct key_run *run, struct namespace_node *node, const struct name_list *names)
{
	if (names->count == 0)
		return OK;
	if (node->object == OBJECT_UNKNOWN)
		node->object = object_lookups_test(run->cache, node->node, names->items[0]);
	for (size_t i = 0; i < names->count; i++)
		namespace_ask(run->sample, node, names->items[i], node->batch);
	enum error error = redis_node_start(node->node, REDIS_BULK, node->batch, run->fault);

	if (!error)
		error = finish(run, node);
	for (size_t i = 0; i < names->count && !error; i++)
		namespace_take(
			run->sample, node, names->items[i], node->batch, i * NAMESPACE_ASKED);
	return error;
}

/* OK if at least one node answered. Parks. */
static enum error take_page(struct key_run *run, size_t page)
{
	struct namespace_sample *sample = run->sample;
	size_t answered = 0;
	enum error last = OK;

	run->took_us = 0;
	ask_for_names(run, page);
	for (size_t i = 0; i < sample->node_count; i++) {
		struct namespace_node *node = &sample->nodes[i];
		struct name_list names = {0};

		if (!node->asked)
			continue;
		enum error error = take_names(run, node, &names);

		if (!error)
			error = look_at_names(run, node, &names);
		name_list_release(&names);
		if (error == ERR_CANCELLED)
			return error;
		last = error ? error : last;
		answered += !error;
	}
	return answered ? OK : last;
}

/* The time in which a page's part of the sample must be taken, if all of it takes `whole_ms`. */
static int64_t part_ms(const struct key_run *run, size_t page, int64_t whole_ms)
{
	return whole_ms * (int64_t)page / run->sample->conf->sampling.sample;
}

/* The smallest page with which the sample ends before the next one is due. */
static size_t smallest_page(const struct key_run *run)
{
	const struct conf_sampling *sampling = &run->sample->conf->sampling;
	int64_t every_ms = sampling->every_ms > 0 ? sampling->every_ms : 1;
	int64_t page = sampling->sample * page_every_ms / every_ms;

	if (page > max_page)
		return max_page;
	return page > min_page ? (size_t)page : min_page;
}

static void adapt(struct key_run *run)
{
	size_t least = smallest_page(run);

	if (run->took_us > max_page_us)
		run->page = run->page / 2 > least ? run->page / 2 : least;
	else if (run->page < max_page)
		run->page += page_step;
}

/*
 * So that the sample takes `spread_ms`, or longer where Redis is slow, but not longer than until
 * the next one is due.
 */
static int64_t pause_ms(const struct key_run *run, size_t page, int64_t spread_ms)
{
	int64_t pause = part_ms(run, page, spread_ms);
	int64_t slow = run->took_us * share_of_time / 1000;
	int64_t most = part_ms(run, page, run->sample->conf->sampling.every_ms);

	slow = slow < most ? slow : most;
	pause = pause > slow ? pause : slow;
	return pause < page_every_ms ? pause : page_every_ms;
}

static size_t next_page(const struct key_run *run, int64_t spread_ms)
{
	int64_t wanted = run->sample->conf->sampling.sample;
	int64_t at_a_time = wanted * page_every_ms / (spread_ms > 0 ? spread_ms : 1);
	size_t page = run->page;

	/* Fewer, if the longest pauses are enough. */
	if (at_a_time < (int64_t)page)
		page = at_a_time > min_page ? (size_t)at_a_time : min_page;
	int64_t left = wanted - (int64_t)run->sample->table->all.keys;

	return left < (int64_t)page ? (size_t)left : page;
}

/* Parks. */
static enum error take_random(struct key_run *run, int64_t spread_ms)
{
	const struct namespace_table *table = run->sample->table;
	uint64_t wanted = (uint64_t)run->sample->conf->sampling.sample;

	while (table->all.keys < wanted && run->sample->keys > 0) {
		size_t page = next_page(run, spread_ms);
		enum error error = take_page(run, page);

		if (!error)
			error = fiber_sleep(pause_ms(run, page, spread_ms));
		if (error)
			return error;
		adapt(run);
		follow_primaries(run);
	}
	return OK;
}

/* Servers that know no SLOT-STATS, or deny it, answer with an error. Parks. */
static void ask_for_slots(const struct key_run *run)
{
	struct namespace_sample *sample = run->sample;

	for (size_t i = 0; i < sample->node_count; i++) {
		struct namespace_node *node = &sample->nodes[i];

		redis_batch_clear(node->batch);
		for (size_t n = 0; n < 2; n++)
			REDIS_ADD(node->batch, SLICE("CLUSTER"), SLICE("SLOT-STATS"),
				SLICE("ORDERBY"), n ? SLICE("CPU-USEC") : SLICE("KEY-COUNT"),
				SLICE("LIMIT"), SLICE("20"), SLICE("DESC"));
		if (redis_node_run(
			    node->node, REDIS_BULK, node->batch, cache_deadline(run->cache), NULL))
			continue;
		for (size_t n = 0; n < 2; n++)
			namespace_slots_tell(&sample->slots, redis_batch_reply(node->batch, n));
	}
	namespace_slots_end(&sample->slots);
}

enum error namespace_run(struct cache *cache, const struct sampler *sampler,
	struct namespace_sample *sample, int64_t spread_ms, struct fault *fault)
{
	struct key_run run = {cache, sampler, sample, .page = max_page, .fault = fault};
	const struct redis_info *info = &sampler_latest(sampler)->info;

	sample->by_frequency = slice_ends(slice_str(info->policy), SLICE("-lfu"));
	sample->in_cluster = !store_is_one(cache->store);
	if (follow_primaries(&run) == 0)
		return fault_set(fault, ERR_REDIS_UNAVAILABLE,
			"no server has told yet how many keys it has");
	sample->exact = sample->keys <= sample->conf->sampling.sample;
	enum error error =
		sample->exact ? namespace_scan(cache, sample, fault) : take_random(&run, spread_ms);

	if (!error && sample->in_cluster)
		ask_for_slots(&run);
	sample->ended_wall_ms = clock_wall_ms();
	sample->ended_mono_ms = clock_mono_ms();
	return error;
}
