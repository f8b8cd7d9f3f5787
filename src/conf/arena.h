/* SPDX-License-Identifier: MIT */
/* Memory that is freed in one go: whatever one configuration snapshot consists of. */
#ifndef CW_CONF_ARENA_H
#define CW_CONF_ARENA_H

#include "base/buf.h"

struct arena;

struct arena *arena_new(void);
void arena_free(struct arena *arena); /* NULL is welcome */
/* `n` cleared bytes that live as long as the arena. */
void *arena_alloc(struct arena *arena, size_t n);
/* A NUL-terminated copy. */
char *arena_dup(struct arena *arena, struct slice text);
struct slice arena_slice(struct arena *arena, struct slice text);
/* `p` is the arena's from now on and ended with `release`. */
void arena_own(struct arena *arena, void *p, void (*release)(void *p));

#endif
