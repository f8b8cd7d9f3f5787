/* SPDX-License-Identifier: MIT */
/* Names on libuv's thread pool; see resolver.h. */
#include "redis/resolver.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

/* Outlives the resolver if the thread pool still has it. */
struct resolver_query {
	uv_getaddrinfo_t request;
	struct resolver *resolver;
};

void resolver_init(struct resolver *resolver, uv_loop_t *uv, const char *host, uint16_t port)
{
	*resolver = (struct resolver){.uv = uv, .host = host, .port = port};
	struct sockaddr_storage *first = &resolver->addresses[0];

	resolver->numeric = uv_ip4_addr(host, port, (struct sockaddr_in *)first) == 0 ||
			    uv_ip6_addr(host, port, (struct sockaddr_in6 *)first) == 0;
	resolver->count = resolver->numeric;
}

void resolver_release(struct resolver *resolver)
{
	if (!resolver->query)
		return;
	resolver->query->resolver = NULL;
	/* If it cannot be cancelled any more, its callback still comes. */
	uv_cancel((uv_req_t *)&resolver->query->request);
	resolver->query = NULL;
}

static void keep_addresses(struct resolver *resolver, const struct addrinfo *info)
{
	resolver->count = 0;
	for (; info && resolver->count < RESOLVER_MAX_ADDRESSES; info = info->ai_next)
		memcpy(&resolver->addresses[resolver->count++], info->ai_addr, info->ai_addrlen);
}

static void query_answered(uv_getaddrinfo_t *request, int status, struct addrinfo *info)
{
	struct resolver_query *query = request->data;
	struct resolver *resolver = query->resolver;

	mem_free(query);
	if (resolver) {
		resolver->query = NULL;
		if (status == 0)
			keep_addresses(resolver, info);
		resolver->answered(resolver, status);
	}
	uv_freeaddrinfo(info);
}

void resolver_ask(struct resolver *resolver)
{
	struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
	char port[8];

	if (resolver->query)
		return;
	snprintf(port, sizeof port, "%u", resolver->port);
	resolver->query = mem_new(struct resolver_query);
	resolver->query->resolver = resolver;
	resolver->query->request.data = resolver->query;
	if (uv_getaddrinfo(resolver->uv, &resolver->query->request, query_answered, resolver->host,
		    port, &hints) != 0) {
		/* The name is invalid; the attempt's deadline reports it. */
		mem_free(resolver->query);
		resolver->query = NULL;
	}
}
