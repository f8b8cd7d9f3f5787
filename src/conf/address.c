/* SPDX-License-Identifier: MIT */
/* Addresses of listeners; see address.h. */
#include "conf/address.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/mem.h"

bool address_is_numeric(struct slice host)
{
	char text[INET6_ADDRSTRLEN];
	unsigned char binary[sizeof(struct in6_addr)];

	if (host.n == 0 || host.n >= sizeof text)
		return false;
	memcpy(text, host.p, host.n);
	text[host.n] = '\0';
	return inet_pton(AF_INET, text, binary) == 1 || inet_pton(AF_INET6, text, binary) == 1;
}

bool address_is_local(const struct conf_listen *listen)
{
	unsigned char b[sizeof(struct in6_addr)];
	static const unsigned char mapped[13] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127};

	if (listen->kind != LISTEN_TCP)
		return true;
	if (inet_pton(AF_INET, listen->host, b) == 1)
		return b[0] == 127;
	if (inet_pton(AF_INET6, listen->host, b) != 1)
		return false;
	return memcmp(b, &in6addr_loopback, sizeof b) == 0 || memcmp(b, mapped, sizeof mapped) == 0;
}

static const char *unix_path(struct reader *r, struct slice path, struct conf_listen *ret)
{
	if (path.n == 0 || path.p[0] != '/')
		return "must have an absolute path for the Unix socket";
	if (path.n > UNIX_PATH_MAX_BYTES)
		return reader_say(r,
			"must not be longer than %d bytes, the limit of a Unix socket's path",
			UNIX_PATH_MAX_BYTES);
	ret->kind = LISTEN_UNIX;
	ret->path = arena_dup(r->arena, path);
	ret->mode = 0660;
	return NULL;
}

static const char *tcp_address(struct reader *r, struct slice text, struct conf_listen *ret)
{
	static const char wrong[] = "is not an address such as 127.0.0.1:8480, [::1]:8480 or "
				    "0.0.0.0:8480 (host names are not resolved)";
	const char *colon = memrchr(text.p, ':', text.n);
	struct slice host, port;
	uint64_t number;
	bool bracketed;

	if (!colon)
		return wrong;
	host = slice_of(text.p, (size_t)(colon - text.p));
	port = slice_of(colon + 1, text.n - host.n - 1);
	bracketed = host.n > 1 && host.p[0] == '[' && host.p[host.n - 1] == ']';
	if (bracketed)
		host = slice_of(host.p + 1, host.n - 2);
	if (!address_is_numeric(host) || bracketed != (memchr(host.p, ':', host.n) != NULL))
		return wrong;
	if (!slice_uint64(port, &number) || number > UINT16_MAX)
		return "has no port between 0 and 65535 (0 selects a free one)";
	ret->kind = LISTEN_TCP;
	ret->host = arena_dup(r->arena, host);
	ret->port = (uint16_t)number;
	return NULL;
}

/* "127.0.0.1:8480", "[::1]:8480", "unix:/path" or "systemd". Returns as type->set. */
static const char *address_listen(struct reader *r, struct slice text, struct conf_listen *ret)
{
	ret->text = arena_dup(r->arena, text);
	if (slice_is(text, "systemd")) {
		ret->kind = LISTEN_SYSTEMD;
		return NULL;
	}
	if (slice_starts(text, SLICE("unix:")))
		return unix_path(r, slice_skip(text, 5), ret);
	return tcp_address(r, text, ret);
}

static bool mode_parse(struct slice text, unsigned *ret)
{
	unsigned mode = 0;

	if (text.n < 3 || text.n > 4)
		return false;
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] < '0' || text.p[i] > '7')
			return false;
		mode = mode * 8 + (unsigned)(text.p[i] - '0');
	}
	*ret = mode;
	return mode <= 0777;
}

/* {unix: /path, mode: "0660"} */
static const char *listen_map(struct reader *r, struct node *map, struct conf_listen *ret)
{
	const struct node *path = node_member(map, SLICE("unix"));
	const struct node *mode = node_member(map, SLICE("mode"));
	const char *wrong;

	if (!path || path->kind != NODE_SCALAR || map->count != (mode ? 2u : 1u))
		return "must be an address or a map such as {unix: /run/cachewarden/admin.sock, "
		       "mode: \"0660\"}";
	char *text = mem_printf("unix:%s", path->text.p);

	wrong = address_listen(r, slice_str(text), ret);
	mem_free(text);
	if (!wrong && mode && (mode->kind != NODE_SCALAR || !mode_parse(mode->text, &ret->mode)))
		wrong = "has a mode that is not octal, such as \"0660\"";
	return wrong;
}

/* Those that select a free port are all different. */
static bool is_same(const void *a, const void *b)
{
	const struct conf_listen *x = a, *y = b;

	/* One with a fault has no text. */
	return x->text && strcmp(x->text, y->text) == 0 && !(x->kind == LISTEN_TCP && x->port == 0);
}

static char *place_of(struct reader *r, const struct node *node)
{
	struct buf text = {0};
	char *place;

	faults_place(&text, node->file, node->line);
	place = arena_dup(r->arena, buf_slice(&text));
	buf_release(&text);
	return place;
}

static const char *set_listen(
	struct reader *r, const struct key *key, struct node *node, void *element)
{
	struct conf_listen *listen = element;

	(void)key;
	listen->place = place_of(r, node);
	return node->kind == NODE_SCALAR ? address_listen(r, node->text, listen)
					 : listen_map(r, node, listen);
}
static const struct list listens = {
	.expected = "must be a list of addresses, such as [127.0.0.1:8480]",
	.size = sizeof(struct conf_listen),
	.set = set_listen,
	.same = is_same,
};
const struct type type_listens = {.list = &listens};

/* A host name or address as a Host header names it. */
static const char *set_host(
	struct reader *r, const struct key *key, struct node *node, void *element)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789-_.";
	const char *wrong = type_set_text(r, key, node, element);

	if (!wrong && (node->text.n > 253 || strspn(node->text.p, allowed) != node->text.n))
		wrong = "must be a host name without port, such as cache.example.com";
	return wrong;
}
static const struct list hosts = {
	.expected = "must be a list, such as [a, b]",
	.size = sizeof(struct slice),
	.set = set_host,
};
const struct type type_hosts = {.list = &hosts};
