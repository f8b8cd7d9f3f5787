/* SPDX-License-Identifier: MIT */
/* An open-addressed table, at most half full, that borrows its names. */
#include "invalidate/page_names.h"

#include "base/mem.h"

struct page_names {
	size_t mask;
	struct slice *slots; /* p = NULL: free */
};

struct page_names *page_names_new(size_t count)
{
	struct page_names *names = mem_new(struct page_names);
	size_t size = 16;

	while (size < 2 * count)
		size *= 2;
	names->mask = size - 1;
	names->slots = mem_array(size, sizeof *names->slots);
	return names;
}

/* FNV-1a: http://www.isthe.com/chongo/tech/comp/fnv/ */
uint64_t page_names_hash(struct slice name)
{
	uint64_t h = UINT64_C(14695981039346656037);

	for (size_t i = 0; i < name.n; i++)
		h = (h ^ (unsigned char)name.p[i]) * UINT64_C(1099511628211);
	return h ^ h >> 32;
}

bool page_names_add(struct page_names *names, struct slice name)
{
	size_t i = (size_t)page_names_hash(name) & names->mask;

	for (; names->slots[i].p; i = (i + 1) & names->mask)
		if (slice_equal(names->slots[i], name))
			return false;
	names->slots[i] = name;
	return true;
}

void page_names_free(struct page_names *names)
{
	if (!names)
		return;
	mem_free(names->slots);
	mem_free(names);
}
