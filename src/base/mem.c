/* SPDX-License-Identifier: MIT */
/* Allocation that does not fail; see mem.h. */
#include "base/mem.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static _Thread_local const struct mem_hook *hook;

const struct mem_hook *mem_use_hook(const struct mem_hook *next)
{
	const struct mem_hook *before = hook;

	hook = next;
	return before;
}

/* Neither formats nor allocates, because no memory is left. */
_Noreturn void mem_exhausted(void)
{
	static const char line[] = "<0>out of memory\n";

	/* The process ends either way, so a failed write changes nothing. */
	if (!hook && write(STDERR_FILENO, line, sizeof line - 1) < 0)
		abort();
	abort();
}

void mem_missing(size_t bytes)
{
	if (!hook || !hook->exhausted || !hook->exhausted(hook->context, bytes))
		mem_exhausted();
}

void *mem_alloc(size_t n)
{
	void *p;

	while (!(p = malloc(n ? n : 1)))
		mem_missing(n);
	return p;
}

void *mem_zalloc(size_t n)
{
	return mem_array(1, n);
}

void *mem_array(size_t count, size_t size)
{
	void *p;

	while (!(p = calloc(count ? count : 1, size ? size : 1)))
		mem_missing(size && count > SIZE_MAX / size ? SIZE_MAX : count * size);
	return p;
}

void *mem_realloc(void *p, size_t n)
{
	void *moved;

	while (!(moved = realloc(p, n ? n : 1)))
		mem_missing(n);
	return moved;
}

void *mem_grow(void *array, size_t count, size_t size)
{
	size_t bytes;

	if ((count & (count - 1)) != 0)
		return array;
	if (__builtin_mul_overflow(count ? 2 * count : 1, size, &bytes))
		mem_exhausted();
	return mem_realloc(array, bytes);
}

char *mem_strdup(const char *s)
{
	return mem_strndup(s, strlen(s));
}

char *mem_strndup(const char *s, size_t n)
{
	char *copy = mem_alloc(n + 1);

	if (n)
		memcpy(copy, s, n);
	copy[n] = '\0';
	return copy;
}

char *mem_printf(const char *format, ...)
{
	va_list args;
	char *text = NULL;

	va_start(args, format);
	int n = vasprintf(&text, format, args);
	va_end(args);
	if (n < 0)
		mem_exhausted();
	return text;
}

void mem_free(void *p)
{
	free(p);
}
