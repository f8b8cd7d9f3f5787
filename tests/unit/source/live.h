/* SPDX-License-Identifier: MIT */
/* For the sources' tests: a loop, a fiber in it, and what a source gives written down. */
#ifndef CW_TESTS_SOURCE_LIVE_H
#define CW_TESTS_SOURCE_LIVE_H

#include "source/source.h"

struct live {
	struct loop *loop;
	struct fiber_group group;
	struct sources *sources;
	char folder[64]; /* temporary, empty at first */
};

extern struct live live;

/*
 * Runs `test` in a fiber with a fresh loop. Afterwards no file descriptor and no child may be left
 * that was not there before.
 */
void live_run(void (*test)(void));

/* What a source gave: rows as JSON, each ending with `;`, `!` for a bad one. */
struct outcome {
	struct buf rows;
	uint64_t count;
	uint64_t bad;
	enum error error;
	struct fault fault;
	int64_t took_ms; /* closing included */
	int64_t ran_ms;	 /* the same on unit_now_ms()'s clock, for upper bounds */
};

/* Opens, reads to the end or the first error, closes. Parks. */
struct outcome live_read(const struct conf_source *conf, int64_t timeout_ms);
struct outcome live_call(const struct source_call *call);
void outcome_release(struct outcome *outcome);
/* live_read(), and the outcome is: these rows, this error, a detail that holds this text. */
void live_expect(
	const struct conf_source *conf, const char *rows, enum error error, const char *detail);
/* A file in live.folder; the path is the caller's to free. */
char *live_file(const char *name, struct slice bytes);
unsigned live_open_fds(void);

#endif
