/* SPDX-License-Identifier: MIT */
/*
 * Allocation that does not fail: every function returns a valid pointer or does not return, so no
 * caller checks for NULL. Out of memory ends the process with one line on standard error. Within a
 * program that uses the library a hook is called first, and nothing is written.
 */
#ifndef CW_BASE_MEM_H
#define CW_BASE_MEM_H

#include <stdbool.h>
#include <stddef.h>

/* `mem_alloc` leaves the bytes undefined, `mem_zalloc` clears them. `n` may be 0. */
void *mem_alloc(size_t n);
void *mem_zalloc(size_t n);

/* Room for `count` elements of `size` bytes each, cleared; the product is checked for overflow. */
void *mem_array(size_t count, size_t size);

/* As realloc(3): the old bytes move along; `p` may be NULL. */
void *mem_realloc(void *p, size_t n);

/*
 * Room for one more than `count` elements in an array that begins as NULL, gets them one by one and
 * grows by doubling.
 */
void *mem_grow(void *array, size_t count, size_t size);

/* A NUL-terminated copy that the caller frees. `mem_strndup` copies exactly `n` bytes, NULs too. */
char *mem_strdup(const char *s);
char *mem_strndup(const char *s, size_t n);

/* printf into fresh memory that the caller frees. */
char *mem_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * For failed allocations by other means, such as mmap(2): the first returns if a retry may succeed,
 * the second ends the process as described above.
 */
void mem_missing(size_t bytes);
_Noreturn void mem_exhausted(void);

/*
 * Called on this thread when `bytes` (0: not known) cannot be allocated. True: memory was freed,
 * try again. False, or no function, ends the process by abort().
 */
struct mem_hook {
	bool (*exhausted)(void *context, size_t bytes);
	void *context;
};
/* Borrowed until the next one is set; NULL = none. Returns the one before. */
const struct mem_hook *mem_use_hook(const struct mem_hook *next);

/* `p` may be NULL. */
void mem_free(void *p);

#define mem_new(type) ((type *)mem_zalloc(sizeof(type)))

#endif
