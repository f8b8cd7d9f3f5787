/* SPDX-License-Identifier: MIT */
/*
 * Keys that are to be taken back, kept in a file until they are: the next start reads them.
 *
 *	$STATE_DIRECTORY/undo-<digest of the Redis URL>: size_t length and bytes of each name
 *
 * Not synchronised to disk: it outlives the process, not the machine. No function parks.
 */
#ifndef CW_WARM_UNDO_FILE_H
#define CW_WARM_UNDO_FILE_H

#include "base/buf.h"
#include "base/log.h"

enum { UNDO_FILE_MAX_BYTES = 8 * 1024 * 1024 };

struct undo_file;

/*
 * In the folder that STATE_DIRECTORY names (of several, the first); NULL where it names none. `url`
 * tells the keys of one server from those of others. `log` is borrowed.
 */
struct undo_file *undo_file_new(const char *url, struct log *log);
void undo_file_free(struct undo_file *file); /* NULL is welcome */

/* Appends the whole names that the file holds. Nothing, and the log says why, of a file that others
 * may have written. */
void undo_file_read(const struct undo_file *file, struct buf *names);
/* False where they are not kept, and the log says why; what was kept before still is. */
bool undo_file_add(struct undo_file *file, struct slice names);
/* Once all of them have been taken back. */
void undo_file_remove(struct undo_file *file);

/* The first name of `names` and what follows it; false where there is no whole one. */
bool undo_file_next(struct slice *names, struct slice *ret_name);

#endif
