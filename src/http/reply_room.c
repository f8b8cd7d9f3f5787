/* SPDX-License-Identifier: MIT */
/*
 * The budget of replies in flight: bytes that handlers have fetched or written and clients have not
 * received yet, over all connections and for each address.
 *
 *	reply_claim() before the values are fetched -> the body's real size with the answer
 *	-> given back when MHD is done with it, or the handler whose client has left has ended
 *
 * Special: a reply of a few KiB is neither counted nor refused, so that small ones are always
 * served: the number of connections bounds them. A reply larger than a whole share is sent while
 * nothing else is in flight.
 */
#include "http/reply.h"
#include "http/server_internal.h"

enum {
	shares = 4,	    /* of the budget, one for each address */
	small_bytes = 4096, /* far below MHD's memory for each connection */
};

static size_t most(const struct request *request)
{
	return (size_t)request->conf->limits.reply_bytes;
}

/* All clients of a Unix socket are one peer, without a share, as limits.per_ip does not apply. */
static size_t share(const struct request *request, const struct peer *peer)
{
	return peer_is_local(peer) ? most(request) : most(request) / shares;
}

static struct peer *peer_of(const struct request *request)
{
	return (request->connection ? request->connection : request->disowned)->peer;
}

static bool fits(size_t others, size_t bytes, size_t limit)
{
	return others == 0 || (others < limit && bytes <= limit - others);
}

static void take(struct request *request, size_t bytes)
{
	size_t *peer = peer_reply_bytes(peer_of(request));

	request->server->reply_bytes += bytes - request->reply_charged;
	*peer += bytes - request->reply_charged;
	request->reply_charged = bytes;
}

static enum error overloaded(bool own, struct fault *fault)
{
	return fault_set(fault, ERR_OVERLOADED,
		own ? "too many bytes of replies to this address are unread (a quarter of "
		      "limits.reply_bytes): read them, or request less at once"
		    : "too many bytes of replies are unread (limits.reply_bytes): try again");
}

size_t reply_room(const struct request *request)
{
	struct peer *peer = peer_of(request);
	size_t all = request->server->reply_bytes - request->reply_charged;
	size_t own = *peer_reply_bytes(peer) - request->reply_charged;
	size_t left = all < most(request) ? most(request) - all : 0;

	if (all == 0)
		return SIZE_MAX;
	if (own > 0 && own >= share(request, peer))
		left = 0;
	else if (own > 0 && left > share(request, peer) - own)
		left = share(request, peer) - own;
	return left > small_bytes ? left : small_bytes;
}

enum error reply_claim(struct request *request, size_t bytes, struct fault *fault)
{
	struct peer *peer = peer_of(request);
	size_t all = request->server->reply_bytes - request->reply_charged;
	size_t own = *peer_reply_bytes(peer) - request->reply_charged;

	if (bytes <= small_bytes)
		bytes = 0;
	if (bytes > request->reply_charged) {
		if (!fits(own, bytes, share(request, peer)))
			return overloaded(true, fault);
		if (!fits(all, bytes, most(request)))
			return overloaded(false, fault);
	}
	take(request, bytes);
	return OK;
}

void reply_room_force(struct request *request, size_t bytes)
{
	take(request, bytes > small_bytes ? bytes : 0);
}

void reply_room_release(struct request *request)
{
	if (request->reply_charged)
		take(request, 0);
}

/* A request that changes something is not refused because of what others have not read. */
enum error reply_room_admit(const struct request *request, struct fault *fault)
{
	const struct peer *peer = peer_of(request);

	if (request->match.route->flags & (ROUTE_OPEN | ROUTE_ROOM))
		return OK;
	if (*peer_reply_bytes(peer_of(request)) >= share(request, peer))
		return overloaded(true, fault);
	if (request_only_reads(request) && request->server->reply_bytes >= most(request))
		return overloaded(false, fault);
	return OK;
}
