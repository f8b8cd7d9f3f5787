/* SPDX-License-Identifier: MIT */
/* A scan whose pages' keys are looked at; see namespace_scan.h. */
#include "watch/namespace_scan.h"

#include <string.h>

#include "cache/guard.h"
#include "cache/scan.h"
#include "watch/namespace_ask.h"

/* So that what grows meanwhile does not make the scan long. */
enum { max_times = 4 };

struct scan_sample {
	struct cache *cache;
	struct namespace_sample *sample;
};

/* The page's names are kept in its notes, each behind its length. */
static void keep_name(struct buf *notes, struct slice name)
{
	buf_append(notes, &name.n, sizeof name.n);
	buf_add(notes, name);
}

static struct slice take_name(struct slice *notes)
{
	size_t n;

	memcpy(&n, notes->p, sizeof n);
	struct slice name = slice_of(notes->p + sizeof n, n);

	*notes = slice_skip(*notes, sizeof n + n);
	return name;
}

static uint64_t max_keys(const struct namespace_sample *sample)
{
	return max_times * (uint64_t)sample->conf->sampling.sample;
}

static struct namespace_node *node_of(const struct scan_sample *scan, const struct scan_page *page)
{
	/* A cluster's primaries may have changed since. */
	size_t node = page->primary < scan->sample->node_count ? page->primary : 0;

	return &scan->sample->nodes[node];
}

static bool ask_page(void *context, struct scan_page *page)
{
	struct scan_sample *scan = context;
	const struct namespace_node *node = node_of(scan, page);

	for (size_t i = 0; i < page->names->count; i++) {
		struct slice name = page->names->items[i]->text;

		if (name.n > KEY_MAX_BYTES)
			continue;
		namespace_ask(scan->sample, node, name, page->batch);
		keep_name(&page->notes, name);
	}
	return scan->sample->table->all.keys < max_keys(scan->sample);
}

static enum error take_page(void *context, struct scan_page *page, struct fault *fault)
{
	const struct scan_sample *scan = context;
	struct slice notes = buf_slice(&page->notes);
	struct namespace_node *node = node_of(scan, page);

	(void)fault;
	for (size_t at = 0; notes.n; at += NAMESPACE_ASKED) {
		struct slice name = take_name(&notes);

		namespace_take(scan->sample, node, name, page->batch, at);
	}
	return OK;
}

/* One key of each server tells how it counts OBJECT. Parks. */
static void test_nodes(struct cache *cache, struct namespace_sample *sample)
{
	for (size_t i = 0; i < sample->node_count; i++) {
		struct namespace_node *node = &sample->nodes[i];

		redis_batch_clear(node->batch);
		REDIS_ADD(node->batch, SLICE("RANDOMKEY"));
		if (redis_node_run(
			    node->node, REDIS_BULK, node->batch, cache_deadline(cache), NULL))
			continue;
		const struct redis_value *key = redis_batch_reply(node->batch, 0);

		if (key->type == REDIS_STRING)
			node->object = object_lookups_test(cache, node->node, key->text);
	}
}

enum error namespace_scan(struct cache *cache, struct namespace_sample *sample, struct fault *fault)
{
	struct scan_sample scan = {cache, sample};
	const struct scan_handler handler = {ask_page, take_page, &scan};

	test_nodes(cache, sample);
	enum error error =
		scan_run(&(struct scan_spec){.cache = cache,
				 .max_latency_ms = (double)sample->conf->invalidate.max_latency_ms,
				 .handler = &handler},
			fault);
	if (!error && sample->table->all.keys >= max_keys(sample))
		error = fault_set(fault, ERR_REDIS_UNAVAILABLE,
			"there are more keys than the servers had told: the next sample is random");
	/* What was found is all there is. */
	sample->keys = (int64_t)sample->table->all.keys;
	for (size_t i = 0; i < sample->node_count; i++)
		sample->nodes[i].keys = (int64_t)sample->nodes[i].sums.keys;
	return error;
}
