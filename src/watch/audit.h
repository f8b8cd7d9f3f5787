/* SPDX-License-Identifier: MIT */
/*
 * The audit log: all changes and their callers. A file of JSON lines, in the order of audit_add().
 *
 *	audit_add -> queue -> one fiber -> write(2) in the thread pool -> audit_wait returns
 *
 * The loop never waits for the disk. A line that was waited for survives the end of the process,
 * not that of the machine: nothing is synchronised. While the file cannot be written (a full disk),
 * lines wait in the queue, at most AUDIT_QUEUE_BYTES; further ones are dropped and counted. It is
 * tried again every second.
 */
#ifndef CW_WATCH_AUDIT_H
#define CW_WATCH_AUDIT_H

#include "base/fault.h"
#include "base/fiber.h"
#include "base/log.h"
#include "base/metric.h"
#include "conf/conf.h"

enum { AUDIT_QUEUE_BYTES = 1024 * 1024, AUDIT_WAIT_MS = 2000 };

struct audit;

/* Everything is borrowed. It is off until the first commit. */
struct audit *audit_new(struct loop *loop, struct log *log, struct metrics *metrics);
/* Writes what is left, if it can be written. May be NULL. Parks. */
void audit_free(struct audit *audit);

/*
 * A reload, as struct reload_member: the file is opened anew, so that a rotated one is left.
 * ERR_BAD_CONFIG if audit.path has changed and the file cannot be opened. At the start, or with the
 * same path, such a file is tried again every second.
 */
enum error audit_prepare(struct audit *audit, const struct conf *next, struct fault *fault);
void audit_commit(struct audit *audit);
void audit_abandon(struct audit *audit);

/* Whether there is an audit log. `audit` may be NULL. */
bool audit_is_on(const struct audit *audit);
/* The file; NULL if there is none that can be read. Borrowed until the next reload. */
const char *audit_path(const struct audit *audit);
/* Why lines cannot be written, or the empty text. */
const char *audit_trouble(const struct audit *audit);
/* Adds one line without its end. Returns what audit_wait() takes; 0 = it was dropped. */
uint64_t audit_add(struct audit *audit, struct slice line);
/*
 * Waits until the line was written, at most AUDIT_WAIT_MS. ERR_AUDIT_UNAVAILABLE, with the reason.
 * Not `required`: waits no longer while the file is known to hang. Parks.
 */
enum error audit_wait(struct audit *audit, uint64_t line, bool required, struct fault *fault);

#endif
