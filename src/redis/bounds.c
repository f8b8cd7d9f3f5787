/* SPDX-License-Identifier: MIT */
/* The table of commands whose numbers are no plain count; see bounds.h. */
#include "redis/bounds.h"

#include <strings.h>

enum answer {
	ANSWERS_ANY,
	ANSWERS_TTL,	/* -2, -1 or a time, which may be as long as Redis's clock allows */
	ANSWERS_YES_NO, /* 1 or 0 */
	ANSWERS_KEYS,	/* how many of the named keys */
};

static const struct {
	const char *name;
	size_t length;
	enum answer answer;
} commands[] = {
#define ROW(name, answer) \
	{ \
		name, sizeof(name) - 1, answer \
	}
	ROW("EVAL", ANSWERS_ANY),
	ROW("PTTL", ANSWERS_TTL),
	ROW("DEL", ANSWERS_KEYS),
	ROW("UNLINK", ANSWERS_KEYS),
	ROW("EXISTS", ANSWERS_KEYS),
	ROW("PEXPIRE", ANSWERS_YES_NO),
	ROW("PERSIST", ANSWERS_YES_NO),
	ROW("HSETNX", ANSWERS_YES_NO),
#undef ROW
};

struct bounds bounds_of(struct slice command, size_t argc)
{
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
		if (commands[i].length != command.n ||
			strncasecmp(commands[i].name, command.p, command.n) != 0)
			continue;
		switch (commands[i].answer) {
		case ANSWERS_ANY:
			return (struct bounds){-REDIS_MOST_NUMBER, REDIS_MOST_NUMBER};
		case ANSWERS_TTL:
			return (struct bounds){-2, REDIS_MOST_NUMBER};
		case ANSWERS_YES_NO:
			return (struct bounds){0, 1};
		case ANSWERS_KEYS:
			return (struct bounds){0, (int64_t)argc - 1};
		}
	}
	/* A count or a length. What was cut is none. */
	return (struct bounds){0, REDIS_MOST_NUMBER - 1};
}

enum error bounds_check(
	const struct bounds *bounds, const struct redis_value *reply, struct fault *fault)
{
	if (reply->type != REDIS_INTEGER ||
		(reply->integer >= bounds->least && reply->integer <= bounds->most))
		return OK;
	return fault_set(fault, ERR_REDIS_PROTOCOL,
		"Redis answered a command with a number that cannot be its result (%lld, where it "
		"is at least %lld and at most %lld)",
		(long long)reply->integer, (long long)bounds->least, (long long)bounds->most);
}
