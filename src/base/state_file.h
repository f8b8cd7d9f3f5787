/* SPDX-License-Identifier: MIT */
/*
 * Files that the daemon keeps over its restarts, in the folder that STATE_DIRECTORY names (of
 * several folders, the first). They are not synchronised to disk: they survive the process, not the
 * machine. All functions block for the time of a small file on a local disk.
 */
#ifndef CW_BASE_STATE_FILE_H
#define CW_BASE_STATE_FILE_H

#include <sys/stat.h>

#include "base/buf.h"

/*
 * <folder>/<kind>-<digest of `of`>, so that each Redis URL has files of its own. NULL if
 * STATE_DIRECTORY is not set. The caller frees it by mem_free().
 */
char *state_file_path(const char *kind, const char *of);
/*
 * NULL, or the end of a sentence: the file is not a regular one, may have been written by another
 * user, or has more than `max_bytes`.
 */
const char *state_file_unfit(const struct stat *is, size_t max_bytes);
/*
 * Appends the file's bytes; nothing if there is no such file. NULL, or the end of a sentence: the
 * file is unfit, or cannot be read.
 */
const char *state_file_read(const char *path, size_t max_bytes, struct buf *out);
/*
 * Replaces the file as a whole: a reader finds either the old or the new bytes. NULL, or the end of
 * a sentence; the file is then as before.
 */
const char *state_file_replace(const char *path, struct slice bytes);

#endif
