/* SPDX-License-Identifier: MIT */
/*
 * The log: one line per event, to a file descriptor that may be slow or full.
 *
 * Text lines are `<N>` (sd-daemon's level prefix) and the message if the descriptor is the
 * journal's, else time, level and message; JSON lines are {"time", "level", "message"} and the
 * members of the event. Line ends behind a message are dropped; other control bytes, DEL,
 * bidirectional marks and invalid UTF-8 are escaped. A write never blocks: 64 KiB that the reader
 * has not taken are kept, beyond that lines are dropped and counted. One message format at one
 * level is written at most 10 times a second, except by log_debug(). One line reports the number of
 * lines that were dropped or suppressed. SIGPIPE must be ignored.
 *
 * At level debug each line shows the current fiber's id (fiber_id()): [ID] before the message, in
 * JSON a member "id".
 */
#ifndef CW_BASE_LOG_H
#define CW_BASE_LOG_H

#include "base/buf.h"

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARNING, LOG_LEVEL_ERROR };

struct log;

/* Writes to `fd`, which stays the caller's. */
struct log *log_new(int fd);
void log_free(struct log *log); /* writes what is kept, for at most 200 ms */
void log_configure(struct log *log, enum log_level level, bool json);
bool log_level_parse(struct slice text, enum log_level *ret);
uint64_t log_dropped(const struct log *log);
/* Tries again to write what is kept, and reports lost lines; true if nothing is left. */
bool log_flush(struct log *log);

/* The whole message is escaped, and cut at 4 KiB. */
void log_write(struct log *log, enum log_level level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Whether lines are JSON: members are used only then. */
bool log_has_members(const struct log *log);
/* The same with more members of the JSON line: `"name":value,...`, no braces, valid JSON. */
void log_write_members(struct log *log, enum log_level level, struct slice members,
	const char *format, ...) __attribute__((format(printf, 4, 5)));

/*
 * A line of a report that an operator has asked for: at level info whatever the log's level, and
 * without the limit of ten a second. Cut at 4 KiB.
 */
void log_report(struct log *log, struct slice line);

/*
 * Writes several lines of text as one message: `what`, then the lines with "; " between them.
 */
void log_lines(struct log *log, enum log_level level, const char *what, const char *lines);

/*
 * Debug lines follow a request from end to end, so none is suppressed. `log` may be NULL, as in the
 * library. At other levels they cost one comparison: the arguments are not evaluated. They may show
 * names of keys, shortened by LOG_KEY(), but no values, secrets or session ids.
 */
#define log_debug(log, ...) log_debug_as(log, NULL, __VA_ARGS__)
/* With another id; NULL = the current fiber's. */
#define log_debug_as(log, id, ...) \
	(log_debugs(log) ? log_write_debug(log, id, __VA_ARGS__) : (void)0)
bool log_debugs(const struct log *log);
void log_write_debug(struct log *log, const char *id, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* The two arguments of "%.*s" for a key's name: its beginning. */
#define LOG_KEY(key) log_key_bytes(key), (key).p
int log_key_bytes(struct slice key);

#define log_info(log, ...)    log_write(log, LOG_LEVEL_INFO, __VA_ARGS__)
#define log_warning(log, ...) log_write(log, LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_error(log, ...)   log_write(log, LOG_LEVEL_ERROR, __VA_ARGS__)

#endif
