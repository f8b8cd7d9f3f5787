/* SPDX-License-Identifier: MIT */
/*
 * The reply to CLIENT LIST, added up by what the connections have in common: name, address without
 * port, user and library. In bounded memory: further groups are added up in one.
 */
#ifndef CW_WATCH_CLIENT_GROUPS_H
#define CW_WATCH_CLIENT_GROUPS_H

#include "base/buf.h"

enum { CLIENT_GROUPS_MAX = 1000, CLIENT_GROUP_TEXT = 128 };

struct client_group {
	/* Cut to CLIENT_GROUP_TEXT bytes; "" = none, or not told. `rest` has none. */
	struct slice name, address, user, library;
	bool rest;
	int64_t connections, blocked, subscribed, in_transaction, replicas;
	int64_t age_seconds,
		idle_seconds; /* of the oldest, and of the one used last; -1 = not known */
	int64_t memory_bytes, output_bytes; /* of all; -1 = not known */
};

struct client_groups;

struct client_groups *client_groups_new(void);
void client_groups_free(struct client_groups *groups);
/* Adds what one server has answered. Parks now and then. */
void client_groups_add(struct client_groups *groups, struct slice list);
/* The groups, those with the most connections first; `rest` last, if there is one. Borrowed. */
size_t client_groups_sorted(struct client_groups *groups, const struct client_group *const **ret);

#endif
