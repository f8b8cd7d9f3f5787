/* SPDX-License-Identifier: MIT */
/* The nodes and the owners of the slots; see topology.h. */
#include "store/topology.h"

#include <string.h>

#include "base/mem.h"
#include "base/random.h"

enum {
	max_unmapped = 64,
	unmapped_ms = 30000, /* how long one that no map names is kept unused */
	leave_ms = 500,
	max_ranges = 16,
};

/* A server that we have connections to. */
struct placed {
	struct redis_node *node;
	char *host; /* NULL: the one server */
	uint16_t port;
	enum {
		PRIMARY,
		UNMAPPED, /* no map names it: a seed, or a redirection led there */
		LEAVING,  /* the map names it no longer */
	} role;
	int64_t since_ms; /* in that role; unmapped: last used */
	unsigned slots;
	struct peer_view peers;
};

struct topology {
	struct redis_node_options options;
	struct conf_redis conf;
	bool cluster, known;
	struct placed *placed;
	size_t placed_count;
	struct redis_node **primaries;
	size_t primary_count;
	struct redis_node *owners[SLOT_COUNT];
	unsigned unserved;
	uint64_t random;
};

static struct redis_node *new_node(const struct topology *t, const char *host, uint16_t port)
{
	struct redis_node_options options = t->options;
	struct conf_redis conf = t->conf;

	options.conf = &conf;
	if (t->cluster) {
		options.in_cluster = true;
		conf.kind = REDIS_URL_TCP;
		conf.host = (char *)host;
		conf.port = port;
	}
	return redis_node_new(&options);
}

static struct placed *add_placed(struct topology *t, const char *host, uint16_t port)
{
	t->placed = mem_realloc(t->placed, (t->placed_count + 1) * sizeof *t->placed);
	struct placed *at = &t->placed[t->placed_count++];

	*at = (struct placed){.node = new_node(t, host, port),
		.host = host ? mem_strdup(host) : NULL,
		.port = port,
		.role = UNMAPPED,
		.since_ms = clock_mono_ms()};
	return at;
}

static struct placed *find_placed(const struct topology *t, const char *host, uint16_t port)
{
	for (size_t i = 0; i < t->placed_count; i++)
		if (t->placed[i].port == port && strcmp(t->placed[i].host, host) == 0)
			return &t->placed[i];
	return NULL;
}

static void list_primaries(struct topology *t)
{
	t->primaries = mem_realloc(t->primaries, (t->placed_count + 1) * sizeof *t->primaries);
	t->primary_count = 0;
	for (size_t i = 0; i < t->placed_count; i++)
		if (t->placed[i].role == PRIMARY)
			t->primaries[t->primary_count++] = t->placed[i].node;
}

struct topology *topology_new(const struct redis_node_options *options)
{
	struct topology *t = mem_new(struct topology);

	t->options = *options;
	t->conf = *options->conf;
	t->cluster = options->conf->kind == REDIS_URL_CLUSTER;
	t->known = !t->cluster;
	t->random = (uint64_t)clock_mono_ns();
	t->unserved = t->cluster ? SLOT_COUNT : 0;
	if (!t->cluster)
		add_placed(t, NULL, 0)->role = PRIMARY;
	for (size_t i = 0; t->cluster && i < t->conf.seed_count; i++)
		if (!find_placed(t, t->conf.seeds[i].host, t->conf.seeds[i].port))
			add_placed(t, t->conf.seeds[i].host, t->conf.seeds[i].port)->role = PRIMARY;
	list_primaries(t);
	return t;
}

void topology_free(struct topology *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->placed_count; i++) {
		redis_node_retire(
			t->placed[i].node, ERR_STOPPING, "the connection to Redis is being closed");
		redis_node_unref(t->placed[i].node);
		mem_free(t->placed[i].host);
	}
	mem_free(t->placed);
	mem_free(t->primaries);
	mem_free(t);
}

void topology_reconfigure(struct topology *t, const struct conf_redis *conf)
{
	t->conf = *conf;
	for (size_t i = 0; i < t->placed_count; i++) {
		struct conf_redis own = *conf;

		if (t->placed[i].host)
			own.host = t->placed[i].host;
		redis_node_reconfigure(t->placed[i].node, &own);
	}
}

size_t topology_primaries(const struct topology *t, struct redis_node *const **ret)
{
	*ret = t->primaries;
	return t->primary_count;
}

struct redis_node *topology_owner(const struct topology *t, unsigned slot)
{
	return t->cluster ? t->owners[slot] : t->primaries[0];
}

struct redis_node *topology_any(const struct topology *t)
{
	for (size_t i = 0; i < t->primary_count && t->cluster; i++)
		if (redis_node_serves(t->primaries[i]))
			return t->primaries[i];
	return t->primaries[0];
}

struct redis_node *topology_at(struct topology *t, const char *host, uint16_t port)
{
	struct placed *at = find_placed(t, host, port);
	size_t others = 0;

	for (size_t i = 0; i < t->placed_count && !at; i++)
		others += t->placed[i].role != PRIMARY;
	if (!at && others >= max_unmapped)
		return NULL;
	if (!at)
		at = add_placed(t, host, port);
	if (at->role == LEAVING)
		at->role = UNMAPPED;
	if (at->role == UNMAPPED)
		at->since_ms = clock_mono_ms();
	return at->node;
}

void topology_moved(struct topology *t, unsigned slot, struct redis_node *node)
{
	if (t->owners[slot] == node)
		return;
	t->unserved -= !t->owners[slot];
	for (size_t i = 0; i < t->placed_count; i++)
		if (t->placed[i].node == node) {
			t->placed[i].role = PRIMARY;
			t->placed[i].slots++;
		} else if (t->placed[i].node == t->owners[slot]) {
			t->placed[i].slots--;
		}
	t->owners[slot] = node;
	list_primaries(t);
}

bool topology_known(const struct topology *t)
{
	return t->known;
}

/* The map's nodes, in the map's order; others begin to leave. */
static void take_nodes(struct topology *t, const struct slot_map *map, struct redis_node **ret)
{
	int64_t now = clock_mono_ms();

	for (size_t i = 0; i < t->placed_count; i++) {
		struct placed *at = &t->placed[i];

		at->slots = 0;
		if (at->role == PRIMARY) {
			at->role = LEAVING;
			at->since_ms = now;
		}
	}
	for (size_t i = 0; i < map->node_count; i++) {
		const struct slot_map_node *from = &map->nodes[i];
		struct placed *at = find_placed(t, from->host, from->port);

		if (!at)
			at = add_placed(t, from->host, from->port);
		at->role = PRIMARY;
		at->slots = from->slots;
		ret[i] = at->node;
	}
}

bool topology_apply(struct topology *t, const struct slot_map *map)
{
	struct redis_node **nodes = mem_array(map->node_count, sizeof(struct redis_node *));
	bool changed = !t->known;

	take_nodes(t, map, nodes);
	for (size_t slot = 0; slot < SLOT_COUNT; slot++) {
		uint16_t owner = map->owners[slot];
		struct redis_node *node = owner == SLOT_MAP_NO_NODE ? NULL : nodes[owner];

		changed = changed || node != t->owners[slot];
		t->owners[slot] = node;
	}
	t->unserved = map->unserved;
	t->known = true;
	list_primaries(t);
	mem_free(nodes);
	return changed;
}

unsigned topology_unserved(const struct topology *t)
{
	return t->unserved;
}

int topology_slots(const struct topology *t, const struct redis_node *node)
{
	for (size_t i = 0; i < t->placed_count && t->cluster && t->known; i++)
		if (t->placed[i].node == node)
			return (int)t->placed[i].slots;
	return -1;
}

static bool is_away(const struct topology *t, unsigned slot)
{
	return !t->owners[slot] || redis_node_is_away(t->owners[slot]);
}

static void add_range(struct buf *ranges, unsigned count, unsigned first, unsigned last)
{
	if (count == max_ranges)
		buf_str(ranges, " ...");
	if (count >= max_ranges)
		return;
	buf_printf(ranges, "%s%u", count ? ", " : "", first);
	if (last > first)
		buf_printf(ranges, "-%u", last);
}

static bool is_owned(const struct topology *t, unsigned slot, const struct redis_node *node)
{
	return t->owners[slot] == node;
}

static bool is_unusable(const struct topology *t, unsigned slot, const struct redis_node *node)
{
	(void)node;
	return is_away(t, slot);
}

/* How many slots fit, with their ranges. */
static unsigned list_slots(const struct topology *t,
	bool (*fits)(const struct topology *, unsigned slot, const struct redis_node *),
	const struct redis_node *node, struct buf *ranges)
{
	unsigned total = 0, count = 0;

	for (unsigned slot = 0, first; slot < SLOT_COUNT;) {
		bool listed = fits(t, first = slot, node);

		do
			slot++;
		while (slot < SLOT_COUNT && fits(t, slot, node) == listed);
		if (!listed)
			continue;
		add_range(ranges, count++, first, slot - 1);
		total += slot - first;
	}
	return total;
}

unsigned topology_away(const struct topology *t, struct buf *ranges)
{
	return t->cluster ? list_slots(t, is_unusable, NULL, ranges) : 0;
}

void topology_judge(struct topology *t, struct slice nodes)
{
	for (size_t i = 0; i < t->placed_count; i++)
		slot_absence_peers(
			nodes, t->placed[i].host, t->placed[i].port, &t->placed[i].peers);
}

/* The i-th that is away; NULL: there are fewer, and *left of `i` are. */
static const struct placed *find_away(const struct topology *t, size_t i, size_t *left)
{
	*left = i;
	for (size_t n = 0; n < t->placed_count; n++) {
		const struct placed *at = &t->placed[n];

		if (at->role != PRIMARY || !at->slots || !redis_node_is_away(at->node))
			continue;
		if ((*left)-- == 0)
			return at;
	}
	return NULL;
}

bool topology_absence(const struct topology *t, size_t i, struct slot_absence *ret)
{
	*ret = (struct slot_absence){0};
	if (!t->cluster || !t->known)
		return false;
	size_t left;
	const struct placed *at = find_away(t, i, &left);

	if (!at && (left > 0 || !t->unserved))
		return false;
	ret->slots = list_slots(t, is_owned, at ? at->node : NULL, &ret->ranges);
	if (!at) {
		slot_absence_of_none(ret);
		return true;
	}
	struct redis_state state = redis_node_state(at->node);

	ret->node = mem_strdup(redis_node_name(at->node));
	slot_absence_explain(&state, redis_node_view(at->node), &at->peers, ret);
	return true;
}

static void remove_placed(struct topology *t, size_t i)
{
	struct redis_node *node = t->placed[i].node;

	redis_node_retire(node, ERR_REDIS_UNKNOWN_OUTCOME,
		"the server has no part of the cluster's keys any more");
	redis_node_unref(node);
	mem_free(t->placed[i].host);
	t->placed[i] = t->placed[--t->placed_count];
}

bool topology_sweep(struct topology *t)
{
	int64_t now = clock_mono_ms();
	bool left = false;

	for (size_t i = t->placed_count; i-- > 0;) {
		const struct placed *at = &t->placed[i];
		int64_t age = now - at->since_ms;
		bool quiet = redis_node_quiet(at->node);

		if ((at->role == LEAVING && (quiet || age >= leave_ms)) ||
			(at->role == UNMAPPED && quiet && age >= unmapped_ms))
			remove_placed(t, i);
		else
			left = left || at->role == LEAVING;
	}
	return left;
}

struct asked {
	struct redis_node *node;
	char *host;
};

/* Members that answer, or the others, from a random one on. */
static size_t list_asked(struct topology *t, bool answering, struct asked *ret)
{
	size_t count = 0, begin = (size_t)(random_unit(&t->random) * (double)t->placed_count);

	for (size_t i = 0; i < t->placed_count; i++) {
		const struct placed *at = &t->placed[(begin + i) % t->placed_count];

		if (at->role != LEAVING && redis_node_serves(at->node) == answering)
			ret[count++] =
				(struct asked){redis_node_ref(at->node), mem_strdup(at->host)};
	}
	return count;
}

void topology_each(struct topology *t,
	bool (*look)(void *context, struct redis_node *node, const char *host), void *context)
{
	struct asked *asked = mem_array(t->placed_count, sizeof *asked);
	bool more = true;
	size_t count = list_asked(t, true, asked);

	count += list_asked(t, false, asked + count);
	for (size_t i = 0; i < count; i++) {
		more = more && look(context, asked[i].node, asked[i].host);
		redis_node_unref(asked[i].node);
		mem_free(asked[i].host);
	}
	mem_free(asked);
	for (size_t i = 0; i < t->conf.seed_count && more; i++) {
		struct redis_node *node =
			find_placed(t, t->conf.seeds[i].host, t->conf.seeds[i].port)
				? NULL
				: topology_at(t, t->conf.seeds[i].host, t->conf.seeds[i].port);

		/* The configuration may be replaced meanwhile. */
		char *host = mem_strdup(t->conf.seeds[i].host);
		if (node)
			more = look(context, redis_node_ref(node), host);
		redis_node_unref(node);
		mem_free(host);
	}
}
