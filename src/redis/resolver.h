/* SPDX-License-Identifier: MIT */
/*
 * The resolver: a host name's addresses, queried in the thread pool; the last good ones are kept
 * for when DNS is slow or down. A numeric address needs no query.
 */
#ifndef CW_REDIS_RESOLVER_H
#define CW_REDIS_RESOLVER_H

#include <stdbool.h>
#include <uv.h>

enum { RESOLVER_MAX_ADDRESSES = 8 };

struct resolver_query;

struct resolver {
	uv_loop_t *uv;
	const char *host; /* borrowed */
	uint16_t port;
	bool numeric;
	struct sockaddr_storage addresses[RESOLVER_MAX_ADDRESSES];
	unsigned count; /* 0 until a query succeeded */
	struct resolver_query *query;
	void (*answered)(struct resolver *resolver, int status);
};

void resolver_init(struct resolver *resolver, uv_loop_t *uv, const char *host, uint16_t port);
void resolver_release(struct resolver *resolver);
/*
 * Starts a query, unless one is running. `answered` is called later, with 0 or libuv's error; not
 * after the release.
 */
void resolver_ask(struct resolver *resolver);

#endif
