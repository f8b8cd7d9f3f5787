/* SPDX-License-Identifier: MIT */
/* Reading CLUSTER SLOTS and redirections; see slot_map.h. */
#include "store/slot_map.h"

#include <string.h>

#include "base/mem.h"

enum { max_host_bytes = 253 };

static bool host_is_sane(struct slice host)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789-_.:";

	if (host.n == 0 || host.n > max_host_bytes)
		return false;
	for (size_t i = 0; i < host.n; i++)
		if (!host.p[i] || !strchr(allowed, host.p[i]))
			return false;
	return true;
}

static bool port_is_sane(int64_t port)
{
	return port > 0 && port <= UINT16_MAX;
}

static enum error refuse(struct fault *fault, const char *what)
{
	return fault_set(
		fault, ERR_REDIS_ERROR, "CLUSTER SLOTS gave a map that cannot be used: %s", what);
}

/* The node's index; a new one if it is not known yet. SLOT_MAP_NO_NODE: there are too many. */
static uint16_t find_node(struct slot_map *map, struct slice host, uint16_t port)
{
	for (size_t i = 0; i < map->node_count; i++)
		if (map->nodes[i].port == port && slice_is(host, map->nodes[i].host))
			return (uint16_t)i;
	if (map->node_count == SLOT_MAP_MAX_NODES)
		return SLOT_MAP_NO_NODE;
	map->nodes = mem_realloc(map->nodes, (map->node_count + 1) * sizeof *map->nodes);
	map->nodes[map->node_count] = (struct slot_map_node){.host = slice_dup(host), .port = port};
	return (uint16_t)map->node_count++;
}

/* [host, port, id, ...]; host is nil or empty for the server that was asked. */
static enum error read_node(struct slot_map *map, const struct redis_value *node, const char *asked,
	uint16_t *ret, struct fault *fault)
{
	if (node->type != REDIS_ARRAY || node->count < 2 || node->items[1]->type != REDIS_INTEGER)
		return refuse(fault, "a server is not given as its host and port");
	const struct redis_value *host = node->items[0];
	struct slice name = host->type == REDIS_STRING ? host->text : SLICE("");

	if (slice_is(name, "?"))
		return refuse(fault, "a server's host name is unknown to the cluster (\"?\"): set "
				     "cluster-announce-hostname there, or another "
				     "cluster-preferred-endpoint-type");
	if (name.n == 0)
		name = slice_str(asked);
	if (!host_is_sane(name))
		return refuse(fault, "a server's host is neither a name nor an address");
	if (!port_is_sane(node->items[1]->integer))
		return refuse(fault, "a server's port is not between 1 and 65535");
	*ret = find_node(map, name, (uint16_t)node->items[1]->integer);
	return *ret == SLOT_MAP_NO_NODE ? refuse(fault, "it names more than 1024 servers") : OK;
}

/* [first, last, primary, replicas...] */
static enum error read_range(struct slot_map *map, const struct redis_value *range,
	const char *asked, struct fault *fault)
{
	uint16_t owner;

	if (range->type != REDIS_ARRAY || range->count < 3 ||
		range->items[0]->type != REDIS_INTEGER || range->items[1]->type != REDIS_INTEGER)
		return refuse(fault, "a range is not given as two slots and its servers");
	int64_t first = range->items[0]->integer, last = range->items[1]->integer;

	if (first < 0 || first > last || last >= SLOT_COUNT)
		return refuse(fault, "a range of slots is not within 0 to 16383");
	enum error error = read_node(map, range->items[2], asked, &owner, fault);
	if (error)
		return error;
	for (int64_t slot = first; slot <= last; slot++) {
		if (map->owners[slot] != SLOT_MAP_NO_NODE)
			return fault_set(fault, ERR_REDIS_ERROR,
				"CLUSTER SLOTS gave a map that cannot be used: slot %lld has two "
				"primaries",
				(long long)slot);
		map->owners[slot] = owner;
		map->nodes[owner].slots++;
		map->unserved--;
	}
	return OK;
}

enum error slot_map_parse(const struct redis_value *reply, const char *host, struct slot_map **ret,
	struct fault *fault)
{
	enum error error = redis_value_error(reply, fault);

	if (error)
		return error;
	if (reply->type != REDIS_ARRAY)
		return refuse(fault, "it is not a list");
	if (reply->count == 0)
		return refuse(fault, "no server has any slots; was the cluster created?");
	struct slot_map *map = mem_new(struct slot_map);

	map->unserved = SLOT_COUNT;
	for (size_t i = 0; i < SLOT_COUNT; i++)
		map->owners[i] = SLOT_MAP_NO_NODE;
	for (size_t i = 0; i < reply->count && !error; i++)
		error = read_range(map, reply->items[i], host, fault);
	if (error)
		slot_map_free(map);
	else
		*ret = map;
	return error;
}

void slot_map_free(struct slot_map *map)
{
	if (!map)
		return;
	for (size_t i = 0; i < map->node_count; i++)
		mem_free(map->nodes[i].host);
	mem_free(map->nodes);
	mem_free(map);
}

/* The text up to the next space; *rest is what follows it. */
static struct slice next_word(struct slice *rest)
{
	const char *space = memchr(rest->p, ' ', rest->n);
	struct slice word = slice_of(rest->p, space ? (size_t)(space - rest->p) : rest->n);

	*rest = slice_skip(*rest, word.n + (space != NULL));
	return word;
}

/* "MOVED 3999 127.0.0.1:6381", "ASK 3999 :6381" */
bool slot_redirection_parse(struct slice text, struct slot_redirection *ret)
{
	struct slice rest = text, kind = next_word(&rest), slot = next_word(&rest);
	uint64_t number, port;
	const char *colon = memrchr(rest.p, ':', rest.n);

	*ret = (struct slot_redirection){.ask = slice_is(kind, "ASK")};
	if ((!ret->ask && !slice_is(kind, "MOVED")) || !colon || !slice_uint64(slot, &number) ||
		number >= SLOT_COUNT)
		return false;
	struct slice host = slice_of(rest.p, (size_t)(colon - rest.p));

	if (!slice_uint64(slice_skip(rest, host.n + 1), &port) || port == 0 || port > UINT16_MAX)
		return false;
	if (host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
		host = slice_of(host.p + 1, host.n - 2);
	if (host.n && !host_is_sane(host))
		return false;
	ret->slot = (unsigned)number;
	ret->port = (uint16_t)port;
	memcpy(ret->host, host.p, host.n);
	return true;
}
