/* SPDX-License-Identifier: MIT */
/* Parses addresses: of listeners, and the URL of Redis. */
#ifndef CW_CONF_ADDRESS_H
#define CW_CONF_ADDRESS_H

#include "conf/reader.h"

enum { UNIX_PATH_MAX_BYTES = 107 };

/*
 * Whether it is a loopback address or a Unix socket; true for systemd's, which are not known here.
 */
bool address_is_local(const struct conf_listen *listen);
/* Whether it is a numeric IPv4 or IPv6 address without brackets. */
bool address_is_numeric(struct slice host);

#endif
