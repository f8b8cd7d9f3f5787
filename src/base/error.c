/* SPDX-License-Identifier: MIT */
/* The error table's look-ups; see error.h. */
#include "base/error.h"

#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

struct error_row {
	const char *code;
	int status;
	enum error_redis redis;
	const char *title;
};

static const struct error_row rows[ERROR_COUNT] = {[OK] = {"ok", 200, ERROR_REDIS_NONE, "OK"},
#define X(name, code, status, redis, title) \
	[ERR_##name] = {code, status, ERROR_REDIS_##redis, title},
	ERROR_TABLE(X)
#undef X
};

const char *error_code(enum error error)
{
	assert(error < ERROR_COUNT);
	return rows[error].code;
}

int error_status(enum error error)
{
	assert(error < ERROR_COUNT);
	return rows[error].status;
}

enum error_redis error_redis(enum error error)
{
	assert(error < ERROR_COUNT);
	return rows[error].redis;
}

const char *error_title(enum error error)
{
	assert(error < ERROR_COUNT);
	return rows[error].title;
}

enum error error_of(const char *code)
{
	for (int i = OK + 1; i < ERROR_COUNT; i++)
		if (strcmp(rows[i].code, code) == 0)
			return (enum error)i;
	return OK;
}
