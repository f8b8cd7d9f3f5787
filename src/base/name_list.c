/* SPDX-License-Identifier: MIT */
/* An array of copies that grows by doubling; see name_list.h. */
#include "base/name_list.h"

#include "base/mem.h"

void name_list_add(struct name_list *list, struct slice name)
{
	list->items = mem_grow(list->items, list->count, sizeof *list->items);
	list->items[list->count++] = arena_slice(&list->texts, name);
}

bool name_list_has(const struct name_list *list, struct slice name)
{
	for (size_t i = 0; i < list->count; i++)
		if (slice_equal(list->items[i], name))
			return true;
	return false;
}

void name_list_release(struct name_list *list)
{
	mem_free(list->items);
	arena_release(&list->texts);
	*list = (struct name_list){0};
}
