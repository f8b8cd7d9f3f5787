/* SPDX-License-Identifier: MIT */
/*
 * From an event to the reader of the log; see log.h.
 *
 *	log_write --> rate limit --> one line --> waiting (<= 64 KiB) --> fd, never blocking
 *	                                             | full
 *	                                             +--> dropped, counted
 *
 * After a dropped line, all lines are dropped until half of the room is free; then one line reports
 * how many were lost, at the place where they are missing. The caller's descriptor is shared with
 * other processes, so its blocking mode is not changed: a pipe or terminal is opened a second time.
 */
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fiber.h"
#include "base/log_limit.h"
#include "base/log_line.h"
#include "base/mem.h"
#include "base/utf8.h"

enum { max_waiting = 64 * 1024, max_message = 4096, last_words_ms = 200, key_bytes = 48 };

enum way { WAY_WRITE, WAY_SEND, WAY_POLL_FIRST };

struct log {
	int fd;	    /* the caller's */
	int own_fd; /* the same file, opened non-blocking for us alone; or -1 */
	enum way way;
	bool journal;
	enum log_level level;
	bool json;

	struct buf waiting;
	char last_byte; /* that the reader took */
	bool choked;	/* lines are dropped until there is room */
	uint64_t dropped;
	uint64_t told;	      /* how many of them were announced */
	uint64_t told_before; /* while the announcement waits */
	bool telling;	      /* the announcement waits */

	struct log_limit rate;
	struct buf line;
};

/* Whether `fd` is the journal's, which reads a level from the beginning of each line. */
static bool is_journal(int fd)
{
	/* systemd.exec(5): device and inode of the stream that the manager has set up. */
	const char *stream = getenv("JOURNAL_STREAM");
	char name[64];
	struct stat about;

	if (!stream || fstat(fd, &about) < 0)
		return false;
	snprintf(name, sizeof name, "%ju:%ju", (uintmax_t)about.st_dev, (uintmax_t)about.st_ino);
	return strcmp(stream, name) == 0;
}

/* Finds the way to write to `fd` that cannot block. */
static void choose_way(struct log *log)
{
	struct stat about;
	char path[32];

	log->own_fd = -1;
	log->way = WAY_WRITE;
	if (fstat(log->fd, &about) < 0 || S_ISREG(about.st_mode))
		return;
	if (S_ISSOCK(about.st_mode)) {
		log->way = WAY_SEND;
		return;
	}
	snprintf(path, sizeof path, "/proc/self/fd/%d", log->fd);
	log->own_fd = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (log->own_fd < 0 && !(fcntl(log->fd, F_GETFL) & O_NONBLOCK))
		log->way = WAY_POLL_FIRST;
}

struct log *log_new(int fd)
{
	struct log *log = mem_new(struct log);

	log->fd = fd;
	log->journal = is_journal(fd);
	log->level = LOG_LEVEL_INFO;
	log->last_byte = '\n';
	choose_way(log);
	return log;
}

void log_configure(struct log *log, enum log_level level, bool json)
{
	log->level = level;
	log->json = json;
}

bool log_level_parse(struct slice text, enum log_level *ret)
{
	for (enum log_level level = LOG_LEVEL_DEBUG; level <= LOG_LEVEL_ERROR; level++)
		if (slice_is(text, log_level_name(level))) {
			*ret = level;
			return true;
		}
	return false;
}

uint64_t log_dropped(const struct log *log)
{
	return log->dropped;
}

static ssize_t give(struct log *log, struct slice bytes)
{
	struct pollfd room = {.fd = log->fd, .events = POLLOUT};

	switch (log->way) {
	case WAY_SEND:
		return send(log->fd, bytes.p, bytes.n, MSG_DONTWAIT | MSG_NOSIGNAL);
	case WAY_POLL_FIRST:
		/* A pipe or terminal that polls writable takes so much without blocking. */
		if (poll(&room, 1, 0) <= 0) {
			errno = EAGAIN;
			return -1;
		}
		return write(log->fd, bytes.p, bytes.n < PIPE_BUF ? bytes.n : PIPE_BUF);
	case WAY_WRITE:
		break;
	}
	return write(log->own_fd >= 0 ? log->own_fd : log->fd, bytes.p, bytes.n);
}

/* What is kept can never be written: its lines are lost. */
static void discard(struct log *log)
{
	for (size_t i = 0; i < log->waiting.n; i++)
		log->dropped += log->waiting.p[i] == '\n';
	/* The first newline only ends a line of which a part was written: see append(). */
	if (log->last_byte != '\n' && log->waiting.p[0] == '\n')
		log->dropped--;
	if (log->telling) {
		log->dropped--;
		log->told = log->told_before;
		log->telling = false;
	}
	buf_clear(&log->waiting);
	log->choked = true;
}

/* Writes what the reader takes. */
static void push(struct log *log)
{
	size_t done = 0;
	bool failed = false;

	while (done < log->waiting.n) {
		ssize_t n = give(log, slice_skip(buf_slice(&log->waiting), done));

		if (n < 0 && errno == EINTR)
			continue;
		failed = n < 0 && errno != EAGAIN && errno != EWOULDBLOCK;
		if (n <= 0)
			break;
		done += (size_t)n;
		log->last_byte = log->waiting.p[done - 1];
	}
	buf_consume(&log->waiting, done);
	if (failed)
		discard(log);
	if (log->waiting.n == 0)
		log->telling = false;
}

static void append(struct log *log, struct slice line)
{
	/* A line whose end was lost is ended first. */
	if (log->waiting.n == 0 && log->last_byte != '\n')
		buf_char(&log->waiting, '\n');
	buf_add(&log->waiting, line);
}

/* An event as the caller gives it. */
struct telling {
	enum log_level level;
	const char *id;	      /* NULL: at level debug the current fiber's */
	struct slice members; /* as in log_write_members() */
	bool unlimited;
};

static const char *shown_id(const struct log *log, const struct telling *telling)
{
	if (telling->id)
		return telling->id;
	return log->level == LOG_LEVEL_DEBUG ? fiber_id() : "";
}

static void make_line(struct log *log, const struct telling *telling, struct slice message)
{
	struct log_event event = {.level = telling->level,
		.wall_ms = clock_wall_ms(),
		.message = message,
		.id = shown_id(log, telling),
		.members = telling->members};
	enum log_style style = log->json      ? LOG_STYLE_JSON
			       : log->journal ? LOG_STYLE_JOURNAL
					      : LOG_STYLE_TEXT;

	buf_clear(&log->line);
	log_line(&log->line, style, &event);
}

/* Ends the dropping once there is room, by saying how much was lost. */
static void recover(struct log *log)
{
	char message[80];

	if (!log->choked || log->waiting.n > max_waiting / 2)
		return;
	snprintf(message, sizeof message, "%llu log lines were dropped here: their reader %s",
		(unsigned long long)(log->dropped - log->told), "was too slow or failed");
	log->choked = false;
	log->telling = true;
	log->told_before = log->told;
	log->told = log->dropped;
	make_line(log, &(struct telling){.level = LOG_LEVEL_WARNING, .id = ""}, slice_str(message));
	append(log, buf_slice(&log->line));
}

static void emit(struct log *log, const struct telling *telling, struct slice message)
{
	push(log);
	recover(log);
	if (!log->choked) {
		make_line(log, telling, message);
		log->choked = log->waiting.n + log->line.n > max_waiting;
	}
	if (log->choked) {
		log->dropped++;
		return;
	}
	append(log, buf_slice(&log->line));
	push(log);
}

static void emit_left_out(struct log *log, const struct log_limit_kind *due)
{
	struct buf message = {0};

	buf_printf(&message, "%llu more lines like this were left out: %s",
		(unsigned long long)due->left_out, due->sample);
	emit(log, &(struct telling){.level = due->level, .id = ""}, buf_slice(&message));
	buf_release(&message);
}

bool log_flush(struct log *log)
{
	struct log_limit_kind due;

	push(log);
	recover(log);
	while (log_limit_due(&log->rate, clock_mono_ms(), &due))
		emit_left_out(log, &due);
	push(log);
	return log->waiting.n == 0;
}

void log_free(struct log *log)
{
	if (!log)
		return;
	int64_t deadline = clock_deadline(last_words_ms);
	while (!log_flush(log)) {
		struct pollfd room = {.fd = log->fd, .events = POLLOUT};
		int64_t left = deadline - clock_mono_ms();

		if (left <= 0 || poll(&room, 1, (int)left) == 0)
			break;
	}
	if (log->own_fd >= 0)
		close(log->own_fd);
	buf_release(&log->waiting);
	buf_release(&log->line);
	mem_free(log);
}

/* A message is one line; texts of other programs often end with a newline. */
static struct slice without_end(struct slice message)
{
	while (message.n && (message.p[message.n - 1] == '\n' || message.p[message.n - 1] == '\r'))
		message.n--;
	return message;
}

/* The beginning of max_message bytes, with an ellipsis. */
static struct slice shortened(char *text)
{
	struct slice message = utf8_trim(slice_of(text, max_message - 3));

	memcpy(text + message.n, "...", 3);
	message.n += 3;
	return message;
}

/* Whether the rate limit admits the line; reports suppressed lines before it. */
static bool admit(struct log *log, const struct telling *telling, const char *format)
{
	struct log_limit_kind due;

	if (telling->unlimited)
		return true;
	if (!log_limit_admit(&log->rate, format, telling->level, clock_mono_ms(), &due))
		return false;
	if (due.left_out > 0)
		emit_left_out(log, &due);
	return true;
}

__attribute__((format(printf, 3, 0))) static void write_event(
	struct log *log, const struct telling *telling, const char *format, va_list args)
{
	char text[max_message + 1];
	struct slice message;
	int n;

	if (telling->level < log->level || !admit(log, telling, format))
		return;
	n = vsnprintf(text, sizeof text, format, args);
	if (n < 0)
		message = slice_str("a message of more than 2 GiB is not shown");
	else if (n <= max_message)
		message = without_end(slice_of(text, (size_t)n));
	else
		message = shortened(text);
	if (!telling->unlimited)
		log_limit_note(&log->rate, format, telling->level, message);
	emit(log, telling, message);
}

void log_write(struct log *log, enum log_level level, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	write_event(log, &(struct telling){.level = level}, format, args);
	va_end(args);
}

bool log_debugs(const struct log *log)
{
	return log && log->level == LOG_LEVEL_DEBUG;
}

void log_write_debug(struct log *log, const char *id, const char *format, ...)
{
	struct telling telling = {.level = LOG_LEVEL_DEBUG, .id = id, .unlimited = true};
	va_list args;

	va_start(args, format);
	write_event(log, &telling, format, args);
	va_end(args);
}

int log_key_bytes(struct slice key)
{
	return (int)(key.n <= key_bytes ? key.n : utf8_trim(slice_of(key.p, key_bytes)).n);
}

bool log_has_members(const struct log *log)
{
	return log->json;
}

void log_write_members(
	struct log *log, enum log_level level, struct slice members, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	write_event(log, &(struct telling){.level = level, .members = members}, format, args);
	va_end(args);
}

void log_report(struct log *log, struct slice line)
{
	char text[max_message + 1];

	if (line.n > max_message) {
		memcpy(text, line.p, max_message);
		line = shortened(text);
	}
	emit(log, &(struct telling){.level = LOG_LEVEL_INFO, .id = ""}, line);
}

void log_lines(struct log *log, enum log_level level, const char *what, const char *lines)
{
	struct buf joined = {0};

	while (*lines) {
		size_t n = strcspn(lines, "\n");

		buf_str(&joined, joined.n ? "; " : ": ");
		buf_append(&joined, lines, n);
		lines += n + (lines[n] == '\n');
	}
	log_write(log, level, "%s%s", what, joined.n ? joined.p : "");
	buf_release(&joined);
}
