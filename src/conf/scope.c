/* SPDX-License-Identifier: MIT */
/* Names of scopes; see scope.h. */
#include "conf/scope.h"

#include <stddef.h>

static const struct {
	const char *name;
	unsigned bit;
} rows[] = {
#define X(name, text, bit) {text, SCOPE_##name},
	SCOPE_TABLE(X)
#undef X
};

unsigned scope_parse(struct slice name)
{
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (slice_is(name, rows[i].name))
			return rows[i].bit;
	return 0;
}

const char *scope_name(enum scope scope)
{
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (rows[i].bit == (unsigned)scope)
			return rows[i].name;
	return "none";
}

void scopes_print(unsigned scopes, struct buf *out)
{
	const char *before = "";

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (scopes & rows[i].bit) {
			buf_printf(out, "%s%s", before, rows[i].name);
			before = ", ";
		}
}

bool scope_granted(const struct identity *who, enum scope scope)
{
	return scope == SCOPE_NONE || (who->scopes & ((unsigned)scope | SCOPE_ADMIN)) != 0;
}
