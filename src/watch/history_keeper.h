/* SPDX-License-Identifier: MIT */
/*
 * Fills the history (history.h) from the sampler, and keeps it over restarts of the daemon.
 *
 *	sampler's tick -> history_keeper_tick -> history; each minute and at the end -> state file
 *
 * The state file is $STATE_DIRECTORY/history-<digest of the Redis URL>. One that is damaged is
 * renamed, and the log says so.
 */
#ifndef CW_WATCH_HISTORY_KEEPER_H
#define CW_WATCH_HISTORY_KEEPER_H

#include "watch/history.h"
#include "watch/sampler.h"

struct history_keeper;

/* NULL if stats.history is 0. Reads the state file. `cache` is borrowed. Blocks for that time. */
struct history_keeper *history_keeper_new(struct cache *cache);
/* Takes the last sample. Once a minute it blocks for the time of writing 200 KB to a file. */
void history_keeper_tick(struct history_keeper *keeper, const struct sampler *sampler);
const struct history *history_keeper_history(const struct history_keeper *keeper);
/* Writes the state file. May be NULL. */
void history_keeper_free(struct history_keeper *keeper);

#endif
