/* SPDX-License-Identifier: MIT */
/*
 * The rate limit of the log: at most ten lines of one kind in any second; part of log.c. A kind is
 * a format and a level.
 */
#ifndef CW_BASE_LOG_LIMIT_H
#define CW_BASE_LOG_LIMIT_H

#include "base/log.h"

enum {
	LOG_LIMIT_LINES = 10,
	LOG_LIMIT_MS = 1000,
	LOG_LIMIT_KINDS = 128,
	LOG_LIMIT_SAMPLE = 200,
};

struct log_limit_kind {
	const char *format; /* compared by address; NULL where the place is free */
	enum log_level level;
	unsigned next; /* the oldest of `at` */
	uint64_t left_out;
	char sample[LOG_LIMIT_SAMPLE]; /* the last message written, cut */
	int64_t at[LOG_LIMIT_LINES];   /* when the last lines were written, monotonic ms */
};

/* Zeroed = empty. Beyond LOG_LIMIT_KINDS a new kind replaces the longest silent one. */
struct log_limit {
	struct log_limit_kind kinds[LOG_LIMIT_KINDS];
};

/*
 * Whether a line may be written now; if not, it is counted. If ret_due->left_out is not 0, so many
 * lines of *ret_due were suppressed, which is to be reported before this line.
 */
bool log_limit_admit(struct log_limit *rate, const char *format, enum log_level level,
	int64_t now_ms, struct log_limit_kind *ret_due);
/* Notes the message of a line that was admitted. */
void log_limit_note(
	struct log_limit *rate, const char *format, enum log_level level, struct slice message);
/* Finds a kind with suppressed lines whose second is over, and resets its count. */
bool log_limit_due(struct log_limit *rate, int64_t now_ms, struct log_limit_kind *ret_due);

#endif
