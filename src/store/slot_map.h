/* SPDX-License-Identifier: MIT */
/*
 * The slot map: which server of a cluster has which slots, as CLUSTER SLOTS tells it. Pure.
 *
 * The reply is not trusted: addresses, numbers and ranges are checked, and a reply that contradicts
 * itself is refused as a whole. Slots that nobody has are valid: a cluster may have lost some.
 */
#ifndef CW_STORE_SLOT_MAP_H
#define CW_STORE_SLOT_MAP_H

#include "redis/value.h"
#include "store/slot.h"

enum { SLOT_MAP_MAX_NODES = 1024, SLOT_MAP_NO_NODE = UINT16_MAX };

struct slot_map_node {
	char *host; /* a name, or a numeric address without brackets */
	uint16_t port;
	unsigned slots; /* how many it has */
};

struct slot_map {
	size_t node_count;
	struct slot_map_node *nodes; /* the primaries that have slots */
	unsigned unserved;	     /* how many slots have no primary */
	uint16_t owners[SLOT_COUNT]; /* indexes of nodes, or SLOT_MAP_NO_NODE */
};

/*
 * `host` is the one that was asked: a server that does not know its own address gives an empty one.
 * ERR_REDIS_ERROR: the reply is an error, or no map that can be used; the fault says what is wrong.
 * The caller owns *ret.
 */
enum error slot_map_parse(const struct redis_value *reply, const char *host, struct slot_map **ret,
	struct fault *fault);
void slot_map_free(struct slot_map *map); /* may be NULL */

/* Where an error reply redirects a command to. */
struct slot_redirection {
	bool ask; /* for this command only; false: for all of the slot */
	unsigned slot;
	char host[256]; /* empty: the one that answered */
	uint16_t port;
};
/* True if the text is that of MOVED or ASK and can be used. */
bool slot_redirection_parse(struct slice text, struct slot_redirection *ret);

#endif
