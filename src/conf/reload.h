/* SPDX-License-Identifier: MIT */
/*
 * Exchange of the configuration without a moment of half: every module prepares (it may refuse, and
 * has then changed nothing), then every module commits (it cannot fail).
 */
#ifndef CW_CONF_RELOAD_H
#define CW_CONF_RELOAD_H

#include "conf/conf.h"

struct reload_member {
	const char *name; /* constant text, for the log */
	/*
	 * Checks `next`, binds what must be bound. On an error it has undone its own part, and the
	 * fault is a whole line, with FILE:LINE where something of the file is to blame.
	 */
	enum error (*prepare)(void *context, struct conf *next, struct fault *fault);
	/* Puts `next` in force. NULL where there is nothing to do. */
	void (*commit)(void *context, struct conf *next);
	/* Undoes what prepare did, because another member refused. NULL where there is nothing. */
	void (*abandon)(void *context);
	void *context;
};

struct reload;

/*
 * `path`, as conf_load() takes it, and `current` (taken over: one reference) are the configuration
 * in force. `log`: of its steps, at level debug; may be NULL.
 */
struct reload *reload_new(const char *path, struct conf *current, struct log *log);
void reload_free(struct reload *reload);
/* Members prepare and commit in the order in which they joined. */
void reload_join(struct reload *reload, struct reload_member member);
/*
 * Puts the first configuration in force: all members prepare, then all commit. On an error the
 * fault is that of the member that refused, and the others have undone their part.
 */
enum error reload_begin(struct reload *reload, struct fault *fault);
/* The snapshot in force; borrowed. */
struct conf *reload_current(const struct reload *reload);

/*
 * Loads and exchanges. ERR_BAD_CONFIG: nothing changed, `faults` says why, line by line. A key that
 * needs a restart and has changed (redis.*'s address, redis.managed, redis.own_prefix,
 * limits.connections, listen by systemd) refuses the file by name.
 */
enum error reload_now(struct reload *reload, struct buf *faults);

/* The outcome of the last reload_now(); true before the first. */
bool reload_succeeded(const struct reload *reload);
/* Its faults, "" where it succeeded. */
const char *reload_faults(const struct reload *reload);

#endif
