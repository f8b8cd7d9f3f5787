/* SPDX-License-Identifier: MIT */
/*
 * Inside of source/: the breaker of each source, by its name.
 *
 *	closed -- 5 failures in a row --> open for 5 s --> one try --> closed, or open again
 */
#ifndef CW_SOURCE_FUSE_H
#define CW_SOURCE_FUSE_H

#include "source/source.h"

struct fuse;

/*
 * Whether the source may be used now; then one of the three below follows. Otherwise
 * ERR_SOURCE_FAILED, and the fault says what failed last.
 */
enum error fuse_enter(struct fuse *fuses, const char *name, struct fault *fault);
void fuse_succeeded(struct fuse **fuses, const char *name);
void fuse_failed(struct fuse **fuses, const char *name, const char *why);
/* Whether fuse_enter() would refuse. */
bool fuse_is_open(const struct fuse *fuses, const char *name);
/* It ended before anybody could tell. */
void fuse_left(struct fuse *fuses, const char *name);
void fuse_free_all(struct fuse **fuses);

#endif
