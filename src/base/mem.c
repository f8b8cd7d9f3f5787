/* SPDX-License-Identifier: MIT */
/* Memory that is always there; see mem.h. */
#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Formats nothing and allocates nothing: there is no memory left to do it with. */
_Noreturn void mem_exhausted(void)
{
	static const char line[] = "<0>out of memory\n";

	/* The process ends either way, so a failed write changes nothing. */
	if (write(STDERR_FILENO, line, sizeof line - 1) < 0)
		abort();
	abort();
}

static void *checked(void *p)
{
	if (!p)
		mem_exhausted();
	return p;
}

void *mem_alloc(size_t n)
{
	return checked(malloc(n ? n : 1));
}

void *mem_zalloc(size_t n)
{
	return checked(calloc(1, n ? n : 1));
}

void *mem_array(size_t count, size_t size)
{
	return checked(calloc(count ? count : 1, size ? size : 1));
}

void *mem_realloc(void *p, size_t n)
{
	return checked(realloc(p, n ? n : 1));
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
