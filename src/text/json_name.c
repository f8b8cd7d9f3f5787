/* SPDX-License-Identifier: MIT */
/* Duplicate member names; see json_name.h. */
#include "text/json_name.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "text/json_text.h"

enum { SMALL_OBJECT = 16 };

void json_names_init(struct json_names *names)
{
	names->all = names->few;
	names->count = 0;
	names->cap = sizeof names->few / sizeof *names->few;
}

void json_names_release(struct json_names *names)
{
	if (names->all != names->few)
		mem_free(names->all);
}

static int compare_escaped(const struct json_name *a, const struct json_name *b)
{
	struct json_bytes x = {.p = a->p, .end = slice_end(slice_of(a->p, a->n))};
	struct json_bytes y = {.p = b->p, .end = slice_end(slice_of(b->p, b->n))};
	int c, d;

	do {
		c = json_bytes_next(&x);
		d = json_bytes_next(&y);
	} while (c == d && c >= 0);
	return c - d;
}

/* Orders by decoded bytes. */
static int compare(const void *left, const void *right)
{
	const struct json_name *a = left, *b = right;
	size_t n = a->n < b->n ? a->n : b->n;
	int order;

	if (a->escaped || b->escaped)
		return compare_escaped(a, b);
	order = n ? memcmp(a->p, b->p, n) : 0;
	return order ? order : (a->n > b->n) - (a->n < b->n);
}

static uint32_t print_of(const struct json_name *name)
{
	const unsigned char *p = (const unsigned char *)name->p;
	size_t n = name->n;

	if (n == 0)
		return 0;
	return (uint32_t)n << 24 ^ (uint32_t)p[0] << 16 ^ (uint32_t)p[n / 2] << 8 ^ p[n - 1];
}

static void grow(struct json_names *names)
{
	struct json_name *few = names->all == names->few ? names->few : NULL;

	names->cap *= 2;
	names->all = mem_realloc(few ? NULL : names->all, names->cap * sizeof *names->all);
	if (few)
		memcpy(names->all, few, sizeof names->few);
}

bool json_names_add(struct json_names *names, size_t first, struct json_name name)
{
	name.print = print_of(&name);
	if (names->count - first < SMALL_OBJECT) {
		for (size_t i = first; i < names->count; i++) {
			const struct json_name *other = &names->all[i];

			if ((other->print == name.print || name.escaped || other->escaped) &&
				compare(other, &name) == 0)
				return false;
		}
	}
	if (names->count == names->cap)
		grow(names);
	names->all[names->count++] = name;
	return true;
}

bool json_names_close(struct json_names *names, size_t first, struct json_name *twice)
{
	size_t n = names->count - first;
	struct json_name *mine = names->all + first;

	names->count = first;
	if (n <= SMALL_OBJECT)
		return true;
	qsort(mine, n, sizeof *mine, compare);
	for (size_t i = 1; i < n; i++) {
		if (compare(&mine[i - 1], &mine[i]) == 0) {
			*twice = mine[i - 1].p > mine[i].p ? mine[i - 1] : mine[i];
			return false;
		}
	}
	return true;
}
