/* SPDX-License-Identifier: MIT */
/* The table of client addresses; see peer.h. */
#include "http/peer.h"

#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <uthash.h>

#include "base/mem.h"

enum peer_kind { PEER_UNIX, PEER_V4, PEER_V6 };

struct peer_key {
	uint8_t kind;
	uint8_t address[8]; /* of IPv6 the /64 */
};

struct peer {
	struct peer_key key;
	size_t connections;
	size_t leaving; /* of them */
	size_t reply_bytes;
	struct limit requests;
	struct limit failures;
	struct peer *older, *newer; /* among those without connections */
	UT_hash_handle hh;
};

struct peers {
	struct peer *table;
	struct peer *oldest, *newest; /* those without connections */
	size_t cold_count;
};

struct peers *peers_new(void)
{
	return mem_new(struct peers);
}

static struct peer_key key_of(const struct sockaddr *address)
{
	struct peer_key key = {.kind = PEER_UNIX};

	if (address->sa_family == AF_INET) {
		key.kind = PEER_V4;
		memcpy(key.address, &((const struct sockaddr_in *)address)->sin_addr, 4);
	} else if (address->sa_family == AF_INET6) {
		const struct in6_addr *v6 = &((const struct sockaddr_in6 *)address)->sin6_addr;
		bool mapped = IN6_IS_ADDR_V4MAPPED(v6);

		key.kind = mapped ? PEER_V4 : PEER_V6;
		memcpy(key.address, v6->s6_addr + (mapped ? 12 : 0), mapped ? 4 : 8);
	}
	return key;
}

static void cold_remove(struct peers *peers, struct peer *peer)
{
	*(peer->older ? &peer->older->newer : &peers->oldest) = peer->newer;
	*(peer->newer ? &peer->newer->older : &peers->newest) = peer->older;
	peers->cold_count--;
}

static void cold_add(struct peers *peers, struct peer *peer)
{
	peer->older = peers->newest;
	peer->newer = NULL;
	*(peers->newest ? &peers->newest->newer : &peers->oldest) = peer;
	peers->newest = peer;
	peers->cold_count++;
}

static void forget(struct peers *peers, struct peer *peer)
{
	cold_remove(peers, peer);
	HASH_DEL(peers->table, peer);
	mem_free(peer);
}

static bool is_idle(const struct peer *peer, int64_t now_ns)
{
	return limit_idle(&peer->requests, now_ns) && limit_idle(&peer->failures, now_ns);
}

static void forget_oldest(struct peers *peers, int64_t now_ns)
{
	while (peers->oldest &&
		(peers->cold_count > PEERS_MAX_COLD || is_idle(peers->oldest, now_ns)))
		forget(peers, peers->oldest);
}

void peers_free(struct peers *peers)
{
	if (!peers)
		return;
	while (peers->oldest)
		forget(peers, peers->oldest);
	assert(!peers->table);
	mem_free(peers);
}

struct peer *peers_enter(struct peers *peers, const struct sockaddr *address, int64_t now_ns)
{
	struct peer_key key = key_of(address);
	struct peer *peer;

	HASH_FIND(hh, peers->table, &key, sizeof key, peer);
	if (!peer) {
		peer = mem_new(struct peer);
		peer->key = key;
		HASH_ADD(hh, peers->table, key, sizeof key, peer);
	} else if (peer->connections == 0) {
		cold_remove(peers, peer);
	}
	peer->connections++;
	forget_oldest(peers, now_ns);
	return peer;
}

void peers_leave(struct peers *peers, struct peer *peer, int64_t now_ns)
{
	if (--peer->connections > 0)
		return;
	cold_add(peers, peer);
	if (is_idle(peer, now_ns))
		forget(peers, peer);
	forget_oldest(peers, now_ns);
}

void peer_leaving(struct peer *peer, int by)
{
	peer->leaving += (size_t)by;
	assert(peer->leaving <= peer->connections);
}

size_t peer_connections(const struct peer *peer)
{
	return peer->connections - peer->leaving;
}

size_t *peer_reply_bytes(struct peer *peer)
{
	return &peer->reply_bytes;
}

bool peer_is_local(const struct peer *peer)
{
	return peer->key.kind == PEER_UNIX;
}

struct limit *peer_requests(struct peer *peer)
{
	return &peer->requests;
}

struct limit *peer_failures(struct peer *peer)
{
	return &peer->failures;
}

void peer_text(const struct peer *peer, char ret[PEER_MAX_TEXT])
{
	struct in6_addr v6 = {0};
	char text[INET6_ADDRSTRLEN];

	switch (peer->key.kind) {
	case PEER_V4:
		inet_ntop(AF_INET, peer->key.address, ret, PEER_MAX_TEXT);
		break;
	case PEER_V6:
		memcpy(v6.s6_addr, peer->key.address, sizeof peer->key.address);
		inet_ntop(AF_INET6, &v6, text, sizeof text);
		snprintf(ret, PEER_MAX_TEXT, "%s/64", text);
		break;
	default:
		snprintf(ret, PEER_MAX_TEXT, "unix");
	}
}
