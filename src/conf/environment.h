/* SPDX-License-Identifier: MIT */
/* What the process's environment says above, and inside, the configuration. */
#ifndef CW_CONF_ENVIRONMENT_H
#define CW_CONF_ENVIRONMENT_H

#include "conf/reader.h"

/* Fills each ${env:NAME} in the tree's values; one that is not set is a fault. */
void environment_fill(struct reader *r, struct node *node);
/* REDIS_URL, REDIS_CACHE_TTL, CACHEWARDEN_LISTEN and CACHEWARDEN_LOG_LEVEL over the tree. */
void environment_apply(struct reader *r, struct node *root);

#endif
