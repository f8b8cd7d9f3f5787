/* SPDX-License-Identifier: MIT */
/* Filling faults; see fault.h. */
#include "base/fault.h"

#include <stdio.h>
#include <string.h>

static void fault_fill(struct fault *fault, enum error error, const char *pointer,
	const char *format, va_list args)
{
	if (!fault)
		return;
	fault->error = error;
	fault->temporary = false;
	fault->aside[0] = '\0';
	snprintf(fault->pointer, sizeof fault->pointer, "%s", pointer);
	vsnprintf(fault->detail, sizeof fault->detail, format, args);
}

enum error fault_set(struct fault *fault, enum error error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fault_fill(fault, error, "", format, args);
	va_end(args);
	return error;
}

enum error fault_at(
	struct fault *fault, enum error error, const char *pointer, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fault_fill(fault, error, pointer, format, args);
	va_end(args);
	return error;
}

void fault_aside(struct fault *fault, const char *format, ...)
{
	va_list args;

	if (!fault)
		return;
	va_start(args, format);
	vsnprintf(fault->aside, sizeof fault->aside, format, args);
	va_end(args);
}

void fault_disclose(struct fault *fault)
{
	size_t n = strlen(fault->detail);

	snprintf(fault->detail + n, sizeof fault->detail - n, "%s", fault->aside);
	fault->aside[0] = '\0';
}

enum error fault_temporary(struct fault *fault, enum error error)
{
	if (fault)
		fault->temporary = true;
	return error;
}

void fault_prefix(struct fault *fault, const char *prefix)
{
	size_t room = sizeof fault->detail, head = strlen(prefix) + 2, tail;

	/* The prefix is a place in a file, whose name may be as long as a path. */
	if (!fault || head >= room)
		return;
	tail = strlen(fault->detail);
	if (tail > room - 1 - head)
		tail = room - 1 - head;
	memmove(fault->detail + head, fault->detail, tail);
	fault->detail[head + tail] = '\0';
	memcpy(fault->detail, prefix, head - 2);
	memcpy(fault->detail + head - 2, ": ", 2);
}
