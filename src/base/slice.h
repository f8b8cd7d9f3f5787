/* SPDX-License-Identifier: MIT */
/* Borrowed bytes: a view that frees nothing and may hold any byte, NUL too. */
#ifndef CW_BASE_SLICE_H
#define CW_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct slice {
	const char *p;
	size_t n;
};

#define SLICE(literal) ((struct slice){(literal), sizeof(literal) - 1})

struct slice slice_of(const char *p, size_t n);
/* The place behind the last byte; of an empty slice its `p`, which may be NULL. */
static inline const char *slice_end(struct slice s)
{
	return s.n ? s.p + s.n : s.p;
}
/* The slice without its first `n` bytes. */
static inline struct slice slice_skip(struct slice s, size_t n)
{
	return n ? slice_of(s.p + n, s.n - n) : s;
}
/* Takes what is before the next `end`, or all that is left, off *left, and `end` with it. */
struct slice slice_take(struct slice *left, char end);
struct slice slice_str(const char *s); /* NULL gives the empty slice */
bool slice_equal(struct slice a, struct slice b);
bool slice_is(struct slice a, const char *text);
bool slice_starts(struct slice a, struct slice prefix);
bool slice_ends(struct slice a, struct slice suffix);
/* As memcmp(3); a slice sorts before those that it is a prefix of. */
int slice_compare(struct slice a, struct slice b);
/* The same for qsort(3) and bsearch(3) over an array of slices. */
int slice_compare_items(const void *a, const void *b);
/* Strict decimal integers over the whole slice: no sign `+`, no spaces, no leading zeros. */
bool slice_int64(struct slice a, int64_t *ret);
bool slice_uint64(struct slice a, uint64_t *ret);
/* Decimal digits of `value` in `room`, which a NUL ends. */
enum { SLICE_INT_ROOM = 24 };
struct slice slice_of_int(char room[SLICE_INT_ROOM], int64_t value);
/* A NUL-terminated copy that the caller frees. */
char *slice_dup(struct slice a);

#endif
