/* SPDX-License-Identifier: MIT */
/*
 * Counts and limits for each client address. IPv6 counts by /64, IPv4 mapped into IPv6 as IPv4, all
 * clients of a Unix socket as one.
 *
 * Peers without connections are removed when their limits are unused again, and beyond
 * PEERS_MAX_COLD of them.
 */
#ifndef CW_HTTP_PEER_H
#define CW_HTTP_PEER_H

#include <sys/socket.h>

#include "base/buf.h"
#include "http/limit.h"

enum { PEERS_MAX_COLD = 10000, PEER_MAX_TEXT = 64 };

struct peer;
struct peers;

struct peers *peers_new(void);
/* No peer has a connection. NULL is allowed. */
void peers_free(struct peers *peers);

/* Counts one more connection from `address`. Never NULL. */
struct peer *peers_enter(struct peers *peers, const struct sockaddr *address, int64_t now_ns);
/* Counts one less; the peer may be freed. */
void peers_leave(struct peers *peers, struct peer *peer, int64_t now_ns);

/* `by` (1 or -1) more of its connections are about to end and do not count. */
void peer_leaving(struct peer *peer, int by);
size_t peer_connections(const struct peer *peer);
size_t *peer_reply_bytes(struct peer *peer); /* of its replies in flight */
bool peer_is_local(const struct peer *peer); /* over a Unix socket */
/* The limit on all its requests, and the one on its invalid tokens. */
struct limit *peer_requests(struct peer *peer);
struct limit *peer_failures(struct peer *peer);
/* "127.0.0.1", "2001:db8::/64", "unix" */
void peer_text(const struct peer *peer, char ret[PEER_MAX_TEXT]);

#endif
