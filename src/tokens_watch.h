/* SPDX-License-Identifier: MIT */
/*
 * Reports when the file of auth.tokens_file has changed and has been written completely.
 *
 *	look (4 a second, or at once after an event) -> another stamp than the one that was read
 *	-> the same for a while, and no writer at work -> changed()
 *
 * stat(2) follows symbolic links, so it notices every way of putting another file at this path.
 * inotify's events only tell when a writer begins and when it has closed the file: without them, or
 * on a network file system, the stamp must be unchanged for longer.
 */
#ifndef CW_TOKENS_WATCH_H
#define CW_TOKENS_WATCH_H

#include "base/loop.h"
#include "conf/file.h"

struct tokens_watch;

/* `changed` is called from the loop, once for each change; it may call tokens_watch_follow(). */
struct tokens_watch *tokens_watch_new(
	struct loop *loop, void (*changed)(void *context), void *context);
/* Sets the file to watch (NULL = none) and its stamp when it was read. */
void tokens_watch_follow(
	struct tokens_watch *watch, const char *path, const struct file_stamp *read);
/* The memory is freed when the loop has closed its handles. */
void tokens_watch_free(struct tokens_watch *watch);

#endif
