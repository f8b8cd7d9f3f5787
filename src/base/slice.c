/* SPDX-License-Identifier: MIT */
/* Comparing, reading and copying borrowed bytes; see slice.h. */
#include "base/slice.h"

#include <string.h>

#include "base/mem.h"

struct slice slice_of(const char *p, size_t n)
{
	return (struct slice){p, n};
}

struct slice slice_take(struct slice *left, char end)
{
	const char *at = left->n ? memchr(left->p, end, left->n) : NULL;
	struct slice found = slice_of(left->p, at ? (size_t)(at - left->p) : left->n);

	*left = slice_skip(*left, found.n + (at != NULL));
	return found;
}

struct slice slice_str(const char *s)
{
	return (struct slice){s ? s : "", s ? strlen(s) : 0};
}

bool slice_equal(struct slice a, struct slice b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool slice_is(struct slice a, const char *text)
{
	return slice_equal(a, slice_str(text));
}

bool slice_starts(struct slice a, struct slice prefix)
{
	return a.n >= prefix.n && slice_equal(slice_of(a.p, prefix.n), prefix);
}

bool slice_ends(struct slice a, struct slice suffix)
{
	return suffix.n <= a.n && slice_equal(slice_skip(a, a.n - suffix.n), suffix);
}

int slice_compare(struct slice a, struct slice b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int order = n ? memcmp(a.p, b.p, n) : 0;

	if (order)
		return order;
	return (a.n > b.n) - (a.n < b.n);
}

int slice_compare_items(const void *a, const void *b)
{
	return slice_compare(*(const struct slice *)a, *(const struct slice *)b);
}

bool slice_uint64(struct slice a, uint64_t *ret)
{
	uint64_t value = 0;

	if (a.n == 0 || a.n > 20 || (a.n > 1 && a.p[0] == '0'))
		return false;
	for (size_t i = 0; i < a.n; i++) {
		if (a.p[i] < '0' || a.p[i] > '9')
			return false;
		if (__builtin_mul_overflow(value, 10, &value) ||
			__builtin_add_overflow(value, (uint64_t)(a.p[i] - '0'), &value))
			return false;
	}
	*ret = value;
	return true;
}

bool slice_int64(struct slice a, int64_t *ret)
{
	uint64_t magnitude;
	bool negative = a.n > 0 && a.p[0] == '-';

	if (!slice_uint64(negative ? slice_skip(a, 1) : a, &magnitude))
		return false;
	if (negative) {
		if (magnitude == 0 || magnitude > (uint64_t)INT64_MAX + 1)
			return false;
		*ret = magnitude == (uint64_t)INT64_MAX + 1 ? INT64_MIN : -(int64_t)magnitude;
		return true;
	}
	if (magnitude > INT64_MAX)
		return false;
	*ret = (int64_t)magnitude;
	return true;
}

struct slice slice_of_int(char room[SLICE_INT_ROOM], int64_t value)
{
	uint64_t left = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
	size_t at = SLICE_INT_ROOM - 1;

	room[at] = '\0';
	do {
		room[--at] = (char)('0' + left % 10);
		left /= 10;
	} while (left);
	if (value < 0)
		room[--at] = '-';
	return slice_of(room + at, SLICE_INT_ROOM - 1 - at);
}

char *slice_dup(struct slice a)
{
	return mem_strndup(a.p, a.n);
}
