/* SPDX-License-Identifier: MIT */
/* Asking for the slot map, and the state of the whole; see cluster.h. */
#include "store/cluster.h"

#include <string.h>

#include "base/mem.h"

enum {
	redirected_ms = 1000, /* least interval after a redirection */
	urgent_ms = 250,      /* and when a server is lost */
	unwell_ms = 500,      /* and without a reason, while something is wrong */
	sweep_ms = 100,
	ask_ms = 500, /* a server that hangs must not hide the others */
	max_asked = 16,
};

struct cluster {
	struct redis_node_options options; /* without a conf */
	struct topology *topology;
	struct fiber_group group;
	struct fiber *fiber; /* that asks; NULL = it has ended */
	struct fiber_cond asked;
	int64_t began_at_ms, asked_at_ms; /* the last round of questions */
	int64_t refresh_ms, connect_ms;
	bool refresh_wanted, urgent, stopping;
	bool view_changed;  /* a server has another view of the cluster, which was not told yet */
	bool refuses;	    /* every server that answers says that the cluster does not work */
	struct fault fault; /* why there is no map; OK = not known yet, or there is one */
	int64_t since_wall_ms;
	enum redis_status status;
};

/* One round of asking for the map. */
struct asking {
	struct cluster *cluster;
	struct slot_map *map, *second; /* of a working cluster, or of one that is not */
	unsigned asked;
	struct fault fault;
};

/* Its own view: it counts itself to a part of the cluster that works. */
static bool says_ok(const struct redis_value *info)
{
	static const char mark[] = "cluster_state:ok";

	return info->type == REDIS_STRING &&
	       memmem(info->text.p, info->text.n, mark, sizeof mark - 1);
}

/* Without a view of its own where CLUSTER INFO is denied: then it is believed. */
static void take_view(struct cluster *c, struct redis_node *node, const struct redis_value *info)
{
	bool works = info->type == REDIS_ERROR || says_ok(info);

	if (redis_node_set_view(node, works ? VIEW_WORKS : VIEW_FAILS))
		c->view_changed = true;
}

static enum error ask_node(
	struct asking *asking, struct redis_node *node, const char *host, struct fault *fault)
{
	struct redis_batch *batch = redis_batch_new();
	struct slot_map *map = NULL;
	int64_t patience = redis_node_serves(node) ? ask_ms : ask_ms + asking->cluster->connect_ms;

	REDIS_ADD(batch, SLICE("CLUSTER"), SLICE("INFO"));
	REDIS_ADD(batch, SLICE("CLUSTER"), SLICE("SLOTS"));
	enum error error =
		redis_node_run(node, REDIS_COMMANDS, batch, clock_deadline(patience), fault);

	if (!error)
		take_view(asking->cluster, node, redis_batch_reply(batch, 0));
	if (!error)
		error = slot_map_parse(redis_batch_reply(batch, 1), host, &map, fault);
	if (map && says_ok(redis_batch_reply(batch, 0))) {
		asking->map = map;
	} else if (map) {
		slot_map_free(asking->second);
		asking->second = map;
	}
	redis_batch_free(batch);
	return error;
}

static bool ask_next(void *context, struct redis_node *node, const char *host)
{
	struct asking *asking = context;
	struct log *log = asking->cluster->options.log;
	struct fault fault = {0};

	if (ask_node(asking, node, host, &fault)) {
		struct redis_state state = redis_node_state(node);

		log_debug(log, "redis cluster: %s: %s", redis_node_name(node), fault.detail);
		asking->fault = fault;
		fault_prefix(&asking->fault, redis_node_name(node));
		/* What the breaker says is shorter. */
		if (state.status == REDIS_DOWN && state.last_error.error)
			asking->fault = state.last_error;
	}
	return !asking->map && ++asking->asked < max_asked && !fiber_cancelled();
}

/* The state is that of the whole: told when it changes. */
static void tell(struct cluster *c)
{
	enum redis_status status = cluster_state(c).status;

	if (status != c->status) {
		c->status = status;
		c->since_wall_ms = clock_wall_ms();
	}
	if (c->options.bus)
		event_publish(c->options.bus, EVENT_REDIS_STATE, NULL);
}

static void ask(struct cluster *c)
{
	struct asking asking = {.cluster = c};

	int64_t began_at_ms = clock_mono_ms();

	c->refresh_wanted = c->urgent = false;
	topology_each(c->topology, ask_next, &asking);
	c->began_at_ms = began_at_ms;
	c->asked_at_ms = clock_mono_ms();
	const struct slot_map *map = asking.map ? asking.map : asking.second;
	bool failed = c->fault.error, refused = c->refuses;
	bool changed = map && topology_apply(c->topology, map);

	c->refuses = map && !asking.map;
	c->fault = (struct fault){0};
	if (changed)
		log_debug(c->options.log, "redis cluster: %zu primaries, %u slots without one",
			map->node_count, map->unserved);
	if (changed || c->refuses != refused) {
		tell(c);
	} else if (!map && !topology_known(c->topology)) {
		c->fault = asking.fault;
		if (!failed)
			tell(c);
	}
	slot_map_free(asking.map);
	slot_map_free(asking.second);
	fiber_cond_broadcast(&c->asked);
}

/* One that others name may refuse commands itself: a restarted one does so for two seconds. */
static void ask_view(struct cluster *c, struct redis_node *node)
{
	struct redis_batch *batch = redis_batch_new();

	REDIS_ADD(batch, SLICE("CLUSTER"), SLICE("INFO"));
	if (redis_node_run(node, REDIS_COMMANDS, batch, clock_deadline(ask_ms), NULL) == OK)
		take_view(c, node, redis_batch_reply(batch, 0));
	redis_batch_free(batch);
}

/*
 * Asks the primaries whose view is not known, or was that the cluster does not work, and tells what
 * has changed, also with the one that was asked for the map. Parks.
 */
static void ask_views(struct cluster *c)
{
	struct redis_node *const *nodes;

	for (size_t i = 0; i < topology_primaries(c->topology, &nodes) && !fiber_cancelled(); i++) {
		if (!redis_node_serves(nodes[i]) || redis_node_view(nodes[i]) == VIEW_WORKS)
			continue;
		struct redis_node *node = redis_node_ref(nodes[i]);

		ask_view(c, node);
		redis_node_unref(node);
	}
	if (c->view_changed && !c->refuses && !fiber_cancelled())
		tell(c);
	c->view_changed = false;
}

static bool is_well(const struct cluster *c)
{
	struct redis_node *const *nodes;
	size_t count = topology_primaries(c->topology, &nodes);

	for (size_t i = 0; i < count; i++)
		if (!redis_node_serves(nodes[i]) || redis_node_view(nodes[i]) != VIEW_WORKS)
			return false;
	return topology_known(c->topology) && !topology_unserved(c->topology) && !c->refuses;
}

/* Why servers are away, as one that works sees it. Parks. */
static void ask_peers(struct cluster *c)
{
	struct redis_batch *batch = redis_batch_new();
	const struct redis_value *reply = NULL;
	struct redis_node *node = redis_node_ref(topology_any(c->topology));

	REDIS_ADD(batch, SLICE("CLUSTER"), SLICE("NODES"));
	if (redis_node_serves(node) &&
		redis_node_run(node, REDIS_COMMANDS, batch, clock_deadline(ask_ms), NULL) == OK)
		reply = redis_batch_reply(batch, 0);
	topology_judge(c->topology, reply && reply->type == REDIS_STRING ? reply->text : SLICE(""));
	redis_batch_free(batch);
	redis_node_unref(node);
}

/* When the next question is due. */
static int64_t due_at_ms(const struct cluster *c)
{
	int64_t interval = is_well(c) ? c->refresh_ms : unwell_ms;

	if (c->urgent && urgent_ms < interval)
		interval = urgent_ms;
	else if (c->refresh_wanted && redirected_ms < interval)
		interval = redirected_ms;
	return c->asked_at_ms + interval;
}

static void discover(void *argument)
{
	struct cluster *c = argument;

	while (!fiber_cancelled()) {
		ask(c);
		ask_views(c);
		if (!is_well(c) && !fiber_cancelled())
			ask_peers(c);
		do {
			bool leaving = topology_sweep(c->topology);
			int64_t due = due_at_ms(c), sweep = clock_deadline(sweep_ms);

			fiber_park("a new slot map", leaving && sweep < due ? sweep : due);
		} while (!fiber_cancelled() && clock_mono_ms() < due_at_ms(c));
	}
	c->fiber = NULL;
}

static void node_changed(void *context)
{
	struct cluster *c = context;

	if (!c->topology)
		return;
	if (cluster_state(c).status != c->status) {
		c->status = cluster_state(c).status;
		c->since_wall_ms = clock_wall_ms();
	}
	/* A server that has recovered needs no new map at once. */
	if (is_well(c))
		return;
	cluster_want_refresh(c, true);
}

struct cluster *cluster_new(const struct redis_node_options *options)
{
	struct cluster *c = mem_new(struct cluster);

	c->options = *options;
	c->options.changed = node_changed;
	c->options.context = c;
	c->status = REDIS_DOWN;
	c->since_wall_ms = clock_wall_ms();
	c->refresh_ms = options->conf->topology_refresh_ms;
	c->connect_ms = options->conf->connect_timeout_ms;
	c->topology = topology_new(&c->options);
	c->options.conf = NULL;
	fiber_group_init(&c->group, "cluster", options->loop);
	c->fiber = fiber_spawn(&c->group, "slot map", discover, c);
	return c;
}

void cluster_free(struct cluster *c)
{
	if (!c)
		return;
	c->stopping = true;
	fiber_group_stop(&c->group);
	topology_free(c->topology);
	mem_free(c);
}

void cluster_reconfigure(struct cluster *c, const struct conf_redis *conf)
{
	c->refresh_ms = conf->topology_refresh_ms;
	c->connect_ms = conf->connect_timeout_ms;
	topology_reconfigure(c->topology, conf);
	cluster_want_refresh(c, true);
}

struct topology *cluster_topology(const struct cluster *c)
{
	return c->topology;
}

struct fiber_group *cluster_group(struct cluster *c)
{
	return &c->group;
}

bool cluster_stopping(const struct cluster *c)
{
	return c->stopping;
}

bool cluster_quiet(const struct cluster *c)
{
	return c->group.count <= (c->fiber ? 1 : 0);
}

void cluster_want_refresh(struct cluster *c, bool urgent)
{
	c->urgent = c->urgent || urgent;
	c->refresh_wanted = true;
	if (c->fiber)
		fiber_wake(c->fiber);
}

enum error cluster_refresh(struct cluster *c, int64_t deadline)
{
	int64_t now = clock_mono_ms();
	enum error error = OK;

	cluster_want_refresh(c, true);
	while (!error && c->began_at_ms < now)
		error = fiber_cond_wait(&c->asked, "another slot map", deadline);
	return error;
}

enum error cluster_await(struct cluster *c, int64_t deadline, struct fault *fault)
{
	while (!topology_known(c->topology)) {
		enum error error = c->fault.error;

		if (error) {
			if (fault)
				*fault = c->fault;
			return error;
		}
		error = fiber_cond_wait(&c->asked, "the first slot map", deadline);
		if (error && !topology_known(c->topology))
			return fault_set(fault,
				error == ERR_CANCELLED ? error : ERR_REDIS_UNAVAILABLE,
				"no server of the cluster has given its slot map yet");
	}
	return OK;
}

/* The status of several: up if one is, else what says most. */
static enum redis_status join_status(enum redis_status a, enum redis_status b)
{
	static const int ranks[] = {
		[REDIS_UP] = 3, [REDIS_IS_LOADING] = 2, [REDIS_IS_BUSY] = 1, [REDIS_DOWN] = 0};

	return ranks[b] > ranks[a] ? b : a;
}

struct redis_state cluster_state(const struct cluster *c)
{
	struct redis_node *const *nodes;
	size_t count = topology_primaries(c->topology, &nodes);
	struct redis_state all = {.status = REDIS_DOWN,
		.since_wall_ms = c->since_wall_ms,
		.breaker = BREAKER_OPEN,
		.kind = SERVER_PRIMARY};

	for (size_t i = 0; i < count; i++) {
		struct redis_state one = redis_node_state(nodes[i]);

		all.status = join_status(all.status, one.status);
		if (one.breaker == BREAKER_CLOSED)
			all.breaker = BREAKER_CLOSED;
		if (one.breaker_since_wall_ms > all.breaker_since_wall_ms)
			all.breaker_since_wall_ms = one.breaker_since_wall_ms;
		if (one.breaker_failures > all.breaker_failures)
			all.breaker_failures = one.breaker_failures;
		if (!all.last_error.error || one.status != REDIS_UP)
			all.last_error = one.last_error;
		if (!all.stalled.error)
			all.stalled = one.stalled;
		all.lacks |= one.lacks;
		all.connection_failures += one.connection_failures;
		all.own.hits += one.own.hits;
		all.own.misses += one.own.misses;
	}
	if (!topology_known(c->topology)) {
		all.status = REDIS_DOWN;
		if (c->fault.error)
			all.last_error = c->fault;
	} else if (c->refuses) {
		all.status = REDIS_DOWN;
		fault_set(&all.last_error, ERR_REDIS_UNAVAILABLE,
			"all servers of the cluster that answer say that it is down "
			"(cluster_state:fail): a primary is away, and without all slots the "
			"cluster refuses commands (cluster-require-full-coverage)");
	}
	return all;
}
