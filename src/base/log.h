/* SPDX-License-Identifier: MIT */
/*
 * The log: one event, one line, to a file descriptor that may be slow or full.
 *
 * Text lines are `<N>` (sd-daemon's level prefix) and the message where the descriptor is the
 * journal's, else time, level and message; JSON lines are {"time", "level", "message"} and what
 * members the event has. Line ends behind a message are dropped; other control bytes, DEL,
 * bidirectional marks and invalid UTF-8 are escaped. A write never blocks: what the reader does not
 * take waits in 64 KiB, past that lines are dropped and counted. The same message format at the
 * same level is written at most 10 times a second, save for log_debug(). Lines that were dropped or
 * left out are announced by one line with their number. SIGPIPE must be ignored.
 *
 * At level debug each line shows for whom it was written, the current fiber's id: [ID] before the
 * message, in JSON a member "id".
 */
#ifndef CW_BASE_LOG_H
#define CW_BASE_LOG_H

#include "base/buf.h"

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARNING, LOG_LEVEL_ERROR };

struct log;

/* Writes to `fd`, which stays the caller's. */
struct log *log_new(int fd);
void log_free(struct log *log); /* writes what waits, for at most 200 ms */
void log_configure(struct log *log, enum log_level level, bool json);
bool log_level_parse(struct slice text, enum log_level *ret);
uint64_t log_dropped(const struct log *log);
/* Tries again to write what waits, and makes the announcements; true where nothing is left. */
bool log_flush(struct log *log);

/* Arguments of %s are escaped with the rest; a message is cut at 4 KiB. */
void log_write(struct log *log, enum log_level level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Whether lines are JSON: only then is it worth making members. */
bool log_has_members(const struct log *log);
/* The same with more members of the JSON line: `"name":value,...`, no braces, valid JSON. */
void log_write_members(struct log *log, enum log_level level, struct slice members,
	const char *format, ...) __attribute__((format(printf, 4, 5)));

/*
 * One line of an answer to an operator's question: info whatever the level is, and
 * without the limit of ten a second. Cut at 4 KiB as all messages are.
 */
void log_report(struct log *log, struct slice line);

/*
 * Writes lines of text as one message, "; " between them: what belongs together stays together, and
 * no line end is left to be escaped. `what` comes first.
 */
void log_lines(struct log *log, enum log_level level, const char *what, const char *lines);

/*
 * Debug lines tell a request's whole way, so none is left out. `log` may be NULL: the library has
 * none. At any other level they cost the look at it; their arguments are not evaluated. They may
 * show names of keys, shortened by LOG_KEY(), but no values, secrets or ids of sessions.
 */
#define log_debug(log, ...) log_debug_as(log, NULL, __VA_ARGS__)
/* On behalf of `id`; NULL: of the current fiber's. */
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
