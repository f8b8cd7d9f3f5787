/* SPDX-License-Identifier: MIT */
/* A list of names that it owns. */
#ifndef CW_BASE_NAME_LIST_H
#define CW_BASE_NAME_LIST_H

#include "base/arena.h"

/* Zeroed = empty. */
struct name_list {
	struct slice *items;
	size_t count;
	struct arena texts; /* of the items */
};

/* Appends a copy. */
void name_list_add(struct name_list *list, struct slice name);
bool name_list_has(const struct name_list *list, struct slice name);
/* Empties it. */
void name_list_release(struct name_list *list);

#endif
