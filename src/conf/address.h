/* SPDX-License-Identifier: MIT */
/* Parses addresses: of listeners, and the URL of Redis. */
#ifndef CW_CONF_ADDRESS_H
#define CW_CONF_ADDRESS_H

#include "conf/reader.h"

enum { UNIX_PATH_MAX_BYTES = 107 };

/* "127.0.0.1:8480", "[::1]:8480", "unix:/path" or "systemd". Returns as type->set. */
const char *address_listen(struct reader *r, struct slice text, struct conf_listen *ret);
/*
 * Whether it is a loopback address or a Unix socket; true for systemd's, which are not known here.
 */
bool address_is_local(const struct conf_listen *listen);
/* Whether it is a numeric IPv4 or IPv6 address without brackets. */
bool address_is_numeric(struct slice host);
/*
 * redis://[user:password@]host[:port][/db], redis+cluster://[user:password@]host[:port],...,
 * redis+sentinel://[user:password@]host[:port],.../name[/db]; the same with rediss for TLS;
 * unix:///path[?db=n] or managed:. As type->set.
 */
const char *address_redis(struct reader *r, struct slice url, struct conf_redis *ret);

#endif
