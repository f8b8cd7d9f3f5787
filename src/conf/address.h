/* SPDX-License-Identifier: MIT */
/* Addresses as people write them: where to listen, and where Redis is. */
#ifndef CW_CONF_ADDRESS_H
#define CW_CONF_ADDRESS_H

#include "conf/reader.h"

enum { UNIX_PATH_MAX_BYTES = 107 };

/* "127.0.0.1:8480", "[::1]:8480", "unix:/path" or "systemd". As type->set. */
const char *address_listen(struct reader *r, struct slice text, struct conf_listen *ret);
/* Whether nobody off this machine can reach it; what systemd passes is not known here. */
bool address_is_local(const struct conf_listen *listen);
/* A numeric IPv4 or IPv6 address without brackets. */
bool address_is_numeric(struct slice host);
/* redis://[user:password@]host[:port][/db], unix:///path[?db=n] or managed:. As type->set. */
const char *address_redis(struct reader *r, struct slice url, struct conf_redis *ret);

#endif
