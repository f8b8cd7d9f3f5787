/* SPDX-License-Identifier: MIT */
/* What is asked about one key of the sample, and its replies; for namespace_run*.c. */
#ifndef CW_WATCH_NAMESPACE_ASK_H
#define CW_WATCH_NAMESPACE_ASK_H

#include "watch/namespace_run.h"

enum { NAMESPACE_ASKED = 3 }; /* commands for each key */

/* Adds the commands. */
void namespace_ask(const struct namespace_sample *sample, const struct namespace_node *node,
	struct slice key, struct redis_batch *batch);
/* Adds the key to the sample; its replies begin at `at`, and some may be missing. */
void namespace_take(struct namespace_sample *sample, struct namespace_node *node, struct slice key,
	const struct redis_batch *batch, size_t at);

#endif
