/* SPDX-License-Identifier: MIT */
/*
 * Replaces the configuration completely or not at all: every member prepares (it may refuse, and
 * has then changed nothing), then every member commits (which cannot fail).
 */
#ifndef CW_CONF_RELOAD_H
#define CW_CONF_RELOAD_H

#include "conf/conf.h"

struct reload_member {
	const char *name; /* a constant string, for the log */
	/*
	 * Checks `next` and acquires what it needs. On an error it has undone its part, and the
	 * fault is a whole line, with FILE:LINE if the cause is in the file.
	 */
	enum error (*prepare)(void *context, struct conf *next, struct fault *fault);
	/* Puts `next` in force. May be NULL. */
	void (*commit)(void *context, struct conf *next);
	/* Undoes what prepare did, because another member has refused. May be NULL. */
	void (*abandon)(void *context);
	void *context;
};

struct reload;

/*
 * `path` is as in conf_load(); `current` is the configuration in force, of which one reference is
 * taken over. `log` (may be NULL) gets the steps, at level debug.
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
 * Loads and replaces the configuration. ERR_BAD_CONFIG: nothing was changed, and `faults` has the
 * reasons, a line each. A key that needs a restart and has changed (redis.*'s address,
 * redis.managed, redis.own_prefix, limits.connections, listen by systemd) refuses the file by name.
 */
enum error reload_now(struct reload *reload, struct buf *faults);

/* The outcome of the last reload_now(); true before the first. */
bool reload_succeeded(const struct reload *reload);
/* Its faults, "" if it succeeded. */
const char *reload_faults(const struct reload *reload);

#endif
