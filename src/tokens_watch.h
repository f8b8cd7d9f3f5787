/* SPDX-License-Identifier: MIT */
/*
 * Tells when the file of auth.tokens_file has changed and its writing has ended.
 *
 *	look (4 a second, or at once after an event) -> another stamp than the one that was read
 *	-> the same for a while, and no writer at work -> changed()
 *
 * Looking follows symbolic links and knows nothing of folders, so it sees whatever brings another
 * file to this path. The kernel's events only tell when a writer begins and when it has closed the
 * file: without them, or on a network's file system, the stamp must hold still for longer.
 */
#ifndef CW_TOKENS_WATCH_H
#define CW_TOKENS_WATCH_H

#include "base/loop.h"
#include "conf/file.h"

struct tokens_watch;

/* `changed` is called in the loop, once for each change; it may call tokens_watch_follow(). */
struct tokens_watch *tokens_watch_new(
	struct loop *loop, void (*changed)(void *context), void *context);
/* The file to watch from now on, as it was when it was read; `path` NULL = none. */
void tokens_watch_follow(
	struct tokens_watch *watch, const char *path, const struct file_stamp *read);
/* The loop has then some handles to close. */
void tokens_watch_free(struct tokens_watch *watch);

#endif
