/* SPDX-License-Identifier: MIT */
/* The file of --ready-file: there, with the addresses in it, while the daemon serves. */
#ifndef CW_READY_FILE_H
#define CW_READY_FILE_H

#include <sys/types.h>

#include "base/buf.h"
#include "base/fault.h"

struct ready_file {
	const char *path; /* NULL = none */
	bool written;
	dev_t device; /* which file it is */
	ino_t inode;
};

/*
 * Writes it beside and renames it, so that it is never seen half. ERR_BAD_CONFIG where it cannot be
 * made, or where something else than a regular file is in its place; nothing is left then.
 */
enum error ready_file_write(struct ready_file *file, struct slice text, struct fault *fault);
/* Removes it, if it is still the one that was written. */
void ready_file_remove(struct ready_file *file);

#endif
