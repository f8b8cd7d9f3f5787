/* SPDX-License-Identifier: MIT */
/* Reads the files of the configuration: small, regular, and writable only by trusted users. */
#ifndef CW_CONF_FILE_H
#define CW_CONF_FILE_H

#include <stdbool.h>
#include <time.h>
#include <uv.h>

#include "base/buf.h"

enum { FILE_MAX_BYTES = 256 * 1024 };

/* Identifies a file and its state: a different stamp means different content. */
struct file_stamp {
	bool there;
	/*
	 * Written so shortly before it was read that a later write may have the same timestamp. Not
	 * compared.
	 */
	bool fresh;
	uint64_t device, inode, size;
	struct timespec modified, changed;
};

struct file_stamp file_stamp_of_uv(const uv_stat_t *stat);
/* Of the file as it is now; `there` is false where it cannot be looked at. Blocks. */
struct file_stamp file_stamp_now(const char *path);
bool file_stamp_equal(const struct file_stamp *a, const struct file_stamp *b);

/*
 * Appends the file's bytes. Returns NULL, or the end of a sentence about the file: it cannot be
 * read, is not a regular file, is larger than FILE_MAX_BYTES, changed while it was being read, is
 * readable by others (if `secret`), or can be changed by others. It, its folder and the folder of
 * the file that it links to must be owned by root or the user of this process and be writable by
 * their owner only; a folder with the sticky bit or on a read-only file system is accepted, too.
 * `why` holds the sentence. `ret_stamp` may be NULL. Blocks.
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
