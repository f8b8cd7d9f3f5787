/* SPDX-License-Identifier: MIT */
/* The file of the audit log, as the thread pool opens and writes it. All functions block. */
#ifndef CW_WATCH_AUDIT_FILE_H
#define CW_WATCH_AUDIT_FILE_H

#include "base/buf.h"

/* In place of a path: standard output. */
#define AUDIT_STDOUT "-"

/*
 * Opens for appending, and ends a line that a killed process has left unfinished. -1, and *ret_why
 * is the end of a sentence. It must be a regular file or a device.
 */
int audit_file_open(const char *path, const char **ret_why);
/* `fd` may be -1; standard output stays open. */
void audit_file_close(int fd);
/*
 * Writes from `at` on; returns how far it came. If that is not the end, *ret_why is the end of a
 * sentence. A pipe whose reader does not read is given up after a while.
 */
size_t audit_file_write(int fd, struct slice bytes, size_t at, const char **ret_why);

#endif
