/* SPDX-License-Identifier: MIT */
/*
 * Sending parts, judging their replies, sending again; see scatter.h.
 *
 *	one node: its connection calls one_ended() -> all is well, and the batch is told
 *	                                           -> else a fiber goes on with what has to be
 *	                                              sent again
 *	several:  a fiber from the beginning
 */
#include "base/mem.h"
#include "store/scatter_internal.h"
#include "store/value_join.h"

enum {
	max_retries = 5,
	pause_ms = 50,
	margin_ms = 50, /* so that the reason is told before the caller's deadline */
};

static struct scatter *scatter_new(struct cluster *cluster, const struct scatter_options *options)
{
	struct scatter *s = mem_new(struct scatter);

	s->cluster = cluster;
	s->options = *options;
	return s;
}

static void scatter_free(struct scatter *s)
{
	for (size_t i = 0; i < s->known; i++) {
		redis_node_unref(s->progress[i].target);
		redis_value_free(s->progress[i].reply);
	}
	slot_parts_release(&s->parts);
	mem_free(s->progress);
	mem_free(s);
}

/* The node for a slot now. */
static struct redis_node *node_for(
	const struct cluster *cluster, const struct scatter_options *options, unsigned slot)
{
	const struct topology *topology = cluster_topology(cluster);
	struct redis_node *owner = NULL;

	if (slot == SLOT_ANYWHERE)
		slot = options->slot;
	if (slot != SLOT_ANYWHERE)
		owner = topology_owner(topology, slot);
	/* Any server redirects, or says that the slot is not served. */
	return owner ? owner : topology_any(topology);
}

static size_t lane_of(struct scatter *s, struct redis_node *node)
{
	for (size_t i = 0; i < s->lane_count; i++)
		if (s->lanes[i].node == node)
			return i;
	s->lanes = mem_realloc(s->lanes, (s->lane_count + 1) * sizeof *s->lanes);
	s->lanes[s->lane_count] =
		(struct lane){.node = redis_node_ref(node), .batch = redis_batch_new()};
	return s->lane_count++;
}

static void add_keys(struct scatter *s, const struct slot_part *part, struct redis_batch *batch)
{
	size_t count = 1 + s->pipeline->slots[part->from].keys;
	struct slice *words = mem_array(count + part->key_count + 1, sizeof *words);
	struct slice *argv = words + count;

	pipeline_words(s->pipeline, part->from, words, count);
	argv[0] = words[0];
	for (size_t i = 0; i < part->key_count; i++)
		argv[1 + i] = words[s->parts.keys[part->first_key + i]];
	redis_batch_add(batch, 1 + part->key_count, argv);
	mem_free(words);
}

static void add_part(struct scatter *s, size_t i)
{
	const struct slot_part *part = &s->parts.list[i];
	struct progress *progress = &s->progress[i];

	struct redis_node *target = progress->target;

	/* A redirection can be older than the map, which names that server no longer. */
	if (!target || redis_node_retired(target))
		target = node_for(s->cluster, &s->options, part->slot);
	progress->lane = lane_of(s, target);
	struct redis_batch *batch = s->lanes[progress->lane].batch;

	progress->at = redis_batch_count(batch);
	for (size_t k = part->from; k < part->to; k++) {
		if (progress->ask && scatter_asks(s, part, k))
			REDIS_ADD(batch, SLICE("ASKING"));
		if (part->key_count)
			add_keys(s, part, batch);
		else
			redis_batch_copy(batch, s->pipeline, k);
	}
}

static void send_and_wait(struct scatter *s)
{
	for (size_t i = 0; i < s->lane_count; i++) {
		struct lane *lane = &s->lanes[i];

		lane->error = redis_node_start(
			lane->node, s->options.priority, lane->batch, &lane->fault);
	}
	for (size_t i = 0; i < s->lane_count; i++) {
		struct lane *lane = &s->lanes[i];

		if (!lane->error && redis_batch_count(lane->batch))
			lane->error =
				redis_batch_wait(lane->batch, s->options.deadline, &lane->fault);
	}
}

static void release_lanes(struct scatter *s)
{
	for (size_t i = 0; i < s->lane_count; i++) {
		redis_node_unref(s->lanes[i].node);
		redis_batch_free(s->lanes[i].batch);
	}
	mem_free(s->lanes);
	s->lanes = NULL;
	s->lane_count = 0;
}

/* The parts that are not done, sent to their nodes; `judge` follows. Parks. */
static void send_round(struct scatter *s)
{
	for (size_t i = 0; i < s->parts.count; i++)
		if (s->progress[i].outcome == WAITING)
			add_part(s, i);
	for (size_t i = 0; i < s->parts.count; i++) {
		struct progress *progress = &s->progress[i];

		/* The lane holds it from now on. */
		redis_node_unref(progress->target);
		progress->target = NULL;
	}
	send_and_wait(s);
}

/* Puts the outcome of a part into the slots of its commands. */
static void settle_part(struct scatter *s, size_t i)
{
	const struct slot_part *part = &s->parts.list[i];
	struct progress *progress = &s->progress[i];

	if (progress->outcome == DONE && part->key_count) {
		struct pipeline_slot *slot = &s->pipeline->slots[part->from];
		struct redis_value *reply = progress->reply;

		progress->reply = NULL;
		progress->error = value_join(&slot->reply, reply, s->parts.keys + part->first_key,
			part->key_count, slot->keys, s->fault.error ? NULL : &s->fault);
	} else if (progress->outcome != DONE && !s->fault.error) {
		s->fault = s->last;
	}
	for (size_t k = part->from; k < part->to && progress->error; k++)
		s->pipeline->slots[k].error = progress->error;
}

/* The batch is told. Frees the scatter. */
static void finish(struct scatter *s)
{
	struct pipeline *pipeline = s->pipeline;

	mem_free(pipeline->fault);
	pipeline->fault = NULL;
	for (size_t i = 0; i < pipeline->count; i++)
		pipeline->slots[i].error = OK;
	for (size_t i = 0; i < s->known; i++) {
		if (s->progress[i].outcome == DONE)
			s->progress[i].error = OK;
		settle_part(s, i);
	}
	for (size_t i = 0; i < pipeline->count; i++) {
		if (!pipeline->slots[i].error)
			continue;
		redis_value_free(pipeline->slots[i].reply);
		pipeline->slots[i].reply = NULL;
		if (!pipeline->fault) {
			pipeline->fault = mem_alloc(sizeof *pipeline->fault);
			*pipeline->fault = s->fault;
			pipeline->fault->error = pipeline->slots[i].error;
		}
	}
	pipeline->answered = pipeline->count;
	scatter_free(s);
	redis_batch_end(pipeline);
}

/* Waits before the next round. False: there is no time left. Parks. */
static bool pause_round(struct scatter *s)
{
	int64_t ms = s->pause ? pause_ms << (s->round - 1) : 0;

	if (s->round > max_retries || clock_mono_ms() + ms >= s->options.deadline)
		return false;
	return !(ms && fiber_sleep(ms)) && !fiber_cancelled();
}

static void scatter_fiber(void *argument)
{
	struct scatter *s = argument;
	bool waiting = true;

	if (!s->round && cluster_await(s->cluster, s->options.deadline, &s->last)) {
		for (size_t i = 0; i < s->known; i++)
			scatter_fail(s, i, &s->last);
		waiting = false;
	}
	while (waiting && (!s->round || pause_round(s))) {
		send_round(s);
		waiting = scatter_judge(s);
		release_lanes(s);
	}
	finish(s);
}

static void spawn(struct scatter *s)
{
	fiber_set_id(fiber_spawn(cluster_group(s->cluster), "redis cluster", scatter_fiber, s),
		fiber_current() ? fiber_id() : "");
}

/* What a batch for one node needs, should it have to go on. */
struct flight {
	struct cluster *cluster;
	struct redis_node *node;
	struct scatter_options options;
};

static bool all_is_well(const struct pipeline *pipeline)
{
	for (size_t i = 0; i < pipeline->count; i++) {
		const struct redis_value *reply = pipeline->slots[i].reply;

		if (!reply || (reply->type == REDIS_ERROR && scatter_is_passing(reply)))
			return false;
	}
	return true;
}

/* Judges a batch for one node as the first round of a scatter. */
static struct scatter *take_over(const struct flight *flight, struct pipeline *pipeline)
{
	struct scatter *s = scatter_new(flight->cluster, &flight->options);

	s->pipeline = pipeline;
	slot_parts_find(pipeline, &s->parts);
	scatter_grow(s);
	for (size_t i = 0; i < s->known; i++)
		s->progress[i].at = s->parts.list[i].from;
	s->lanes = mem_array(1, sizeof *s->lanes);
	s->lane_count = 1;
	s->lanes[0] = (struct lane){.node = redis_node_ref(flight->node)};
	if (pipeline->fault) {
		s->lanes[0].error = pipeline->fault->error;
		s->lanes[0].fault = *pipeline->fault;
	}
	return s;
}

/* Called by the connection. */
static void one_ended(struct pipeline *pipeline)
{
	struct flight *flight = pipeline->context;

	if (all_is_well(pipeline)) {
		redis_batch_end(pipeline);
	} else {
		struct scatter *s = take_over(flight, pipeline);
		bool waiting = scatter_judge(s);

		release_lanes(s);
		if (waiting && !cluster_stopping(flight->cluster))
			spawn(s);
		else
			finish(s);
	}
	redis_node_unref(flight->node);
	mem_free(flight);
}

static enum error start_one(struct cluster *cluster, const struct scatter_options *options,
	struct redis_node *node, struct redis_batch *batch, struct fault *fault)
{
	struct flight *flight = mem_alloc(sizeof *flight);

	*flight = (struct flight){cluster, redis_node_ref(node), *options};
	struct pipeline *pipeline = redis_batch_pipeline(batch);

	pipeline->ended = one_ended;
	pipeline->context = flight;
	enum error error = redis_node_start(node, options->priority, batch, fault);

	if (error) {
		pipeline->ended = NULL;
		redis_node_unref(node);
		mem_free(flight);
	}
	return error;
}

enum error scatter_start(struct cluster *cluster, const struct scatter_options *options,
	struct redis_batch *batch, struct fault *fault)
{
	struct scatter_options own = *options;
	struct slot_parts parts;
	enum error error = ERR_NOT_PRIMARY;

	if (cluster_stopping(cluster))
		return fault_set(fault, ERR_STOPPING, "the connection to Redis is being closed");
	own.deadline -= margin_ms;
	slot_parts_find(redis_batch_pipeline(batch), &parts);
	int only = slot_parts_only(&parts);

	if (only >= 0 && topology_known(cluster_topology(cluster)))
		error = start_one(
			cluster, &own, node_for(cluster, &own, (unsigned)only), batch, fault);
	/* A server that was demoted: the next map says who took over. */
	if (error != ERR_NOT_PRIMARY && error != ERR_CLUSTER_NODE) {
		slot_parts_release(&parts);
		return error;
	}
	struct scatter *s = scatter_new(cluster, &own);

	s->parts = parts;
	s->pipeline = redis_batch_begin(batch);
	scatter_grow(s);
	spawn(s);
	return OK;
}
