/* SPDX-License-Identifier: MIT */
/* The file of --ready-file: it exists, with the addresses, while the daemon serves. */
#ifndef CW_READY_FILE_H
#define CW_READY_FILE_H

#include <sys/types.h>

#include "base/buf.h"
#include "base/fault.h"

struct ready_file {
	const char *path; /* NULL = none */
	bool written;
	dev_t device; /* identifies the file */
	ino_t inode;
};

/*
 * Writes a temporary file and renames it, so that it is never seen incomplete. ERR_BAD_CONFIG if it
 * cannot be written, or if the path exists and is not a regular file; then nothing is left behind.
 */
enum error ready_file_write(struct ready_file *file, struct slice text, struct fault *fault);
/* Removes it if it is still the one that was written. */
void ready_file_remove(struct ready_file *file);

#endif
