/* SPDX-License-Identifier: MIT */
/*
 * The undo list: keys that runs have stored, that may be stale, and that could not be removed
 * because Redis was away. They are removed when Redis answers again.
 *
 *	window: the log was not read, UNLINK failed -> undo_add -> Redis is up -> UNLINK
 *
 * If STATE_DIRECTORY names a folder, the list is also kept in a file there, and the next start
 * removes the keys (undo_file.h). Without it, a process that ends before Redis is back leaves the
 * keys to their TTL.
 */
#ifndef CW_WARM_UNDO_H
#define CW_WARM_UNDO_H

#include "cache/cache.h"

struct undo;

/* All are borrowed. Begins with the list that an earlier process left. */
struct undo *undo_new(struct cache *cache, struct log *log);
/* Logs how many keys are left in Redis. Parks, for at most a second. */
void undo_stop(struct undo *undo);
/* After undo_stop(). May be NULL. */
void undo_free(struct undo *undo);

/* Copies the names. Beyond 4 MiB they are dropped, and the log says so. */
void undo_add(struct undo *undo, const struct slice *keys, size_t count);
/*
 * Waits until the list is empty, so that nothing that is stored afterwards is removed by it: OK,
 * ERR_TIMEOUT or ERR_CANCELLED. Parks.
 */
enum error undo_wait(struct undo *undo, int64_t deadline);

#endif
