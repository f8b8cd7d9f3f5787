/* SPDX-License-Identifier: MIT */
/*
 * Memory that is always there: every function returns a valid pointer or does not return.
 * Out of memory ends the process with one line on standard error; no caller checks for NULL. Where
 * the process is somebody else's, a hook is asked first, and standard error is left alone.
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

/* A NUL-terminated copy that the caller frees. `mem_strndup` copies exactly `n` bytes, NULs too. */
char *mem_strdup(const char *s);
char *mem_strndup(const char *s, size_t n);

/* printf into fresh memory that the caller frees. */
char *mem_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * For memory that comes from elsewhere, such as mmap(2), and cannot be had: the first returns where
 * it is worth to try again, the second ends the process as described above.
 */
void mem_missing(size_t bytes);
_Noreturn void mem_exhausted(void);

/*
 * What is asked on this thread when `bytes` (0: not known) cannot be had: true = try again, for it
 * has freed something. False, or no function, ends the process by abort().
 */
struct mem_hook {
	bool (*exhausted)(void *context, size_t bytes);
	void *context;
};
/* Borrowed until the next one is set; NULL = none. Returns the one before. */
const struct mem_hook *mem_use_hook(const struct mem_hook *next);

/* NULL is welcome. */
void mem_free(void *p);

#define mem_new(type) ((type *)mem_zalloc(sizeof(type)))

#endif
