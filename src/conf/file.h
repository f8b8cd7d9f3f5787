/* SPDX-License-Identifier: MIT */
/* Files that the configuration consists of: small, regular, and in nobody else's hands. */
#ifndef CW_CONF_FILE_H
#define CW_CONF_FILE_H

#include <stdbool.h>

#include "base/buf.h"

enum { FILE_MAX_BYTES = 256 * 1024 };

/*
 * Appends the file's bytes. NULL, or the end of a sentence about it: it cannot be read, is no
 * regular file, is larger than FILE_MAX_BYTES, is writable by others than root and its owner, or
 * (where `secret`) readable by everybody. `why` is room for the sentence. Blocks.
 */
const char *file_read(const char *path, bool secret, struct buf *out, struct buf *why);

#endif
