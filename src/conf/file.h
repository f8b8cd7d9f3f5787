/* SPDX-License-Identifier: MIT */
/* Files that the configuration consists of: small, regular, and in no strange hands. */
#ifndef CW_CONF_FILE_H
#define CW_CONF_FILE_H

#include <stdbool.h>
#include <time.h>
#include <uv.h>

#include "base/buf.h"

enum { FILE_MAX_BYTES = 256 * 1024 };

/* Which file it is, in which state: another stamp is another content. */
struct file_stamp {
	bool there;
	/*
	 * Written so shortly before it was read that the clock of files need not tell it from what
	 * is written in the next moment. No part of what is compared.
	 */
	bool fresh;
	uint64_t device, inode, size;
	struct timespec modified, changed;
};

struct file_stamp file_stamp_of_uv(const uv_stat_t *stat);
bool file_stamp_equal(const struct file_stamp *a, const struct file_stamp *b);

/*
 * Appends the file's bytes. NULL, or the end of a sentence about it: it cannot be read, is not a
 * regular file, is larger than FILE_MAX_BYTES, has changed while it was read, is (where `secret`)
 * readable by everybody, or is not safe from others: it, its folder and the folder of what it is a
 * link to belong to root or to the user of this process and are writable by their owner only; a
 * folder with the sticky bit or on a read-only file system is safe, too. `why` is room for the
 * sentence. `ret_stamp` may be NULL. Blocks.
 */
const char *file_read(const char *path, bool secret, struct buf *out, struct buf *why,
	struct file_stamp *ret_stamp);

/*
 * Appends the secret that a file holds, without the line end behind it. NULL, or the end of a
 * sentence: as file_read(), or the file is empty or holds a NUL byte. Clear `out` by
 * file_forget(). Blocks.
 */
const char *file_read_secret(const char *path, struct buf *out, struct buf *why);
/* Overwrites the bytes before it releases them. */
void file_forget(struct buf *secret);

#endif
