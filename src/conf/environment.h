/* SPDX-License-Identifier: MIT */
/* Environment variables that are used in, and instead of, values of the configuration. */
#ifndef CW_CONF_ENVIRONMENT_H
#define CW_CONF_ENVIRONMENT_H

#include "conf/reader.h"

/* Replaces each ${env:NAME} in the tree's values; a variable that is not set is a fault. */
void environment_fill(struct reader *r, struct node *node);
/* REDIS_URL, REDIS_CACHE_TTL, CACHEWARDEN_LISTEN and CACHEWARDEN_LOG_LEVEL replace values. */
void environment_apply(struct reader *r, struct node *root);

#endif
