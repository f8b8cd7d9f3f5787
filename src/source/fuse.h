/* SPDX-License-Identifier: MIT */
/*
 * Inside of source/: the breaker of each source, by its name. It counts failures of the source, of
 * different keys, with no success between; an answer about one key is none.
 *
 *	closed -- breaker_failures keys failed --> open for breaker_open_ms --> half-open
 *	half-open -- an answer --> closed
 *	          -- FUSE_TRIES keys failed --> open again
 *
 * A key that failed while half-open is not tried again before breaker_open_ms have passed, so that
 * one bad key does not take the place of the others. Keys are known by a hash.
 */
#ifndef CW_SOURCE_FUSE_H
#define CW_SOURCE_FUSE_H

#include "source/source.h"

enum { FUSE_MAX_FAILURES = 100, FUSE_TRIES = 3 };

struct fuse;

/* Which key of which source is asked for. `conf` is borrowed for each call. */
struct fuse_use {
	const struct conf_source *conf;
	uint64_t key;
};

/*
 * Whether the source may be asked now; then one of the four below follows. Otherwise
 * ERR_SOURCE_FAILED, and the fault says what failed last.
 */
enum error fuse_enter(struct fuse *fuses, struct fuse_use use, struct fault *fault);
void fuse_succeeded(struct fuse **fuses, struct fuse_use use);
/* It answered, about this key alone: neither a failure of the source nor a success. */
void fuse_answered(struct fuse **fuses, struct fuse_use use);
void fuse_failed(struct fuse **fuses, struct fuse_use use, const char *why);
/* It ended before anything was known. */
void fuse_left(struct fuse *fuses, struct fuse_use use);
struct source_breaker fuse_state(const struct fuse *fuses, const char *name);
void fuse_free_all(struct fuse **fuses);

#endif
