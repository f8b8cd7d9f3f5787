/* SPDX-License-Identifier: MIT */
/*
 * The file of the undo list (undo.h), for the next start of the daemon.
 *
 *	$STATE_DIRECTORY/undo-<digest of the Redis URL>: size_t length and bytes of each name
 *
 * It is not synchronised to disk: it survives the process, not the machine. No function parks.
 */
#ifndef CW_WARM_UNDO_FILE_H
#define CW_WARM_UNDO_FILE_H

#include "base/buf.h"
#include "base/log.h"

enum { UNDO_FILE_MAX_BYTES = 8 * 1024 * 1024 };

struct undo_file;

/*
 * In the folder that STATE_DIRECTORY names (of several, the first); NULL if it is not set. Each
 * `url` has a file of its own. `log` is borrowed.
 */
struct undo_file *undo_file_new(const char *url, struct log *log);
void undo_file_free(struct undo_file *file); /* may be NULL */

/* Appends the complete names in the file. A file that other users may have written is not read, and
 * the log says so. */
void undo_file_read(const struct undo_file *file, struct buf *names);
/* False, after a warning, if they could not be written; the file is then as before. */
bool undo_file_add(struct undo_file *file, struct slice names);
/* After all keys were removed. */
void undo_file_remove(struct undo_file *file);

/* Cuts the first name off `names`; false if there is no complete one. */
bool undo_file_next(struct slice *names, struct slice *ret_name);

#endif
