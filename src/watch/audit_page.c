/* SPDX-License-Identifier: MIT */
/*
 * Pages of the audit log's file; see audit_page.h.
 *
 *	the file's end -> pieces of 256 KiB, backwards, by the thread pool -> lines -> the page
 */
#include "watch/audit_page.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fiber.h"
#include "base/mem.h"
#include "base/timeslice.h"
#include "base/timestamp.h"
#include "text/json.h"
#include "watch/audit_changes.h"

enum {
	piece_bytes = 256 * 1024,
	page_bytes = 16 * 1024 * 1024, /* of the file */
	line_bytes = 64 * 1024,	       /* longer ones are left out */
	/* The clock may have gone back: so many older lines in a row end the search. */
	max_older = 10000,
	/* Of changes, what is newer than the page: outcomes of what it begins with. */
	ahead_bytes = 2 * 1024 * 1024,
	line_effort = 8, /* in names that are compared */
	change_effort = 32,
};

/* One read by the thread pool, which touches nothing else. */
struct piece {
	uv_work_t work;
	struct fiber *fiber;
	int fd; /* -1 = to be opened */
	uint64_t inode;
	off_t end; /* -1 = the file's */
	off_t begin;
	struct buf bytes;
	int error;
	bool done, abandoned;
	char *own_path;
};

struct audit_reader {
	const struct audit_page_query *query;
	struct buf *items;
	int64_t count;
	struct buf tail; /* the rest of the line whose beginning is in an earlier piece */
	bool skipping;	 /* that line is too long */
	off_t begun;	 /* where the page begins in the file */
	off_t end;	 /* the beginning of the last line that was looked at */
	size_t older;	 /* lines in a row that are older than `since` */
	struct audit_changes *changes; /* NULL = lines */
	off_t shown;		   /* what begins here or later was on pages before; -1 = none */
	char since[32], until[32]; /* as lines have them; "" = open */
	struct timeslice timeslice;
};

static void piece_free(struct piece *piece)
{
	if (piece->fd >= 0)
		close(piece->fd);
	buf_release(&piece->bytes);
	mem_free(piece->own_path);
	mem_free(piece);
}

static void read_piece(struct piece *piece)
{
	struct stat is;

	if (piece->fd < 0)
		piece->fd = open(piece->own_path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (piece->fd < 0 || fstat(piece->fd, &is)) {
		piece->error = errno;
		return;
	}
	piece->inode = (uint64_t)is.st_ino;
	if (piece->end < 0 || piece->end > is.st_size)
		piece->end = S_ISREG(is.st_mode) ? is.st_size : 0;
	piece->begin = piece->end > piece_bytes ? piece->end - piece_bytes : 0;
	size_t n = (size_t)(piece->end - piece->begin);
	char *to = n ? buf_reserve(&piece->bytes, n) : NULL;
	ssize_t got = n ? pread(piece->fd, to, n, piece->begin) : 0;

	if (got < 0)
		piece->error = errno;
	else if ((size_t)got < n)
		piece->error = ESTALE;
	else
		piece->bytes.n = n;
}

static void piece_run(uv_work_t *work)
{
	read_piece(work->data);
}

static void piece_done(uv_work_t *work, int status)
{
	struct piece *piece = work->data;

	(void)status;
	piece->done = true;
	if (piece->abandoned)
		piece_free(piece);
	else
		fiber_wake(piece->fiber);
}

/* Parks. On ERR_CANCELLED the piece frees itself. */
static enum error piece_read(struct loop *loop, struct piece *piece)
{
	enum error error = OK;

	piece->done = false;
	piece->bytes.n = 0;
	piece->work.data = piece;
	piece->fiber = fiber_current();
	uv_queue_work(loop_uv(loop), &piece->work, piece_run, piece_done);
	while (!piece->done && !error)
		error = fiber_park("the audit log", DEADLINE_NONE);
	if (!piece->done)
		piece->abandoned = true;
	return piece->done ? OK : error;
}

static bool text_fits(struct slice line, const char *name, struct slice wanted)
{
	struct json_value value;
	struct buf text = {0};

	if (wanted.n == 0)
		return true;
	if (!json_member(json_root(line), slice_str(name), &value) || value.type != JSON_STRING)
		return false;
	json_decode_string(value, &text);
	bool fits = slice_equal(buf_slice(&text), wanted);
	buf_release(&text);
	return fits;
}

/* Times of the same form sort as texts. */
static bool time_fits(struct audit_reader *r, struct slice line)
{
	enum { prefix = 9, time = 24 };
	struct slice at = slice_of(line.p + prefix, time);
	bool older = *r->since && slice_compare(at, slice_str(r->since)) < 0;

	r->older = older ? r->older + 1 : 0;
	return !older && !(*r->until && slice_compare(at, slice_str(r->until)) > 0);
}

static bool kind_fits(const struct audit_reader *r, struct slice line)
{
	struct buf kind = {0};

	if (r->query->kind.n == 0)
		return true;
	if (r->changes)
		return text_fits(line, "kind", r->query->kind);
	audit_changes_kind(line, &kind);
	bool fits = slice_equal(buf_slice(&kind), r->query->kind);
	buf_release(&kind);
	return fits;
}

static void add_item(struct audit_reader *r, struct slice item)
{
	if (!text_fits(item, "by", r->query->by) || !text_fits(item, "state", r->query->state) ||
		!kind_fits(r, item) ||
		(r->query->by_dryness && audit_changes_is_dry(item) != r->query->dry_run))
		return;
	if (r->items->n)
		buf_char(r->items, ',');
	buf_add(r->items, item);
	r->count++;
}

static void take_line(struct audit_reader *r, struct slice line, off_t begin)
{
	static const struct slice head = {"{\"time\":\"", 9};
	enum { least = 40 };
	struct buf change = {0};

	if (line.n < least || !slice_starts(line, head))
		return;
	bool in_time = time_fits(r, line);

	/* The lines of a change have several times, of which that of the intent counts. */
	if ((!in_time && !r->changes) || json_check(line, &json_row_limits, NULL))
		return;
	if (!r->changes) {
		add_item(r, line);
		return;
	}
	audit_changes_take(r->changes, line, &change);
	if (change.n && in_time && (r->shown < 0 || begin < r->shown))
		add_item(r, buf_slice(&change));
	buf_release(&change);
}

/* The file's beginning was reached: changes whose intents are not in it. */
static void take_rest(struct audit_reader *r)
{
	struct buf change = {0};

	while (audit_changes_rest(r->changes, &change)) {
		if (time_fits(r, buf_slice(&change)))
			add_item(r, buf_slice(&change));
		buf_clear(&change);
	}
	buf_release(&change);
}

static bool is_full(const struct audit_reader *r)
{
	return r->count >= r->query->limit || r->older >= max_older ||
	       (r->changes && audit_changes_bytes(r->changes) > AUDIT_CHANGES_BYTES);
}

/* The first `n` bytes of the line whose rest is in `tail`. */
static void join_tail(struct audit_reader *r, struct slice head)
{
	struct buf line = {0};

	if (r->skipping || head.n + r->tail.n > line_bytes) {
		r->skipping = true;
		buf_release(&r->tail);
		return;
	}
	buf_add(&line, head);
	buf_add(&line, buf_slice(&r->tail));
	buf_release(&r->tail);
	r->tail = line;
}

/*
 * The lines that end in a piece, the last one first. What follows the last line end of the file is
 * not a whole line. Parks.
 */
static enum error take_piece(struct audit_reader *r, const struct piece *piece, bool is_last)
{
	struct slice rest = buf_slice(&piece->bytes);
	enum error error = OK;

	if (is_last) {
		while (rest.n && rest.p[rest.n - 1] != '\n')
			rest.n--;
		if (rest.n)
			rest.n--;
	}
	while (rest.n && !error && !is_full(r)) {
		const char *before = memrchr(rest.p, '\n', rest.n);
		size_t at = before ? (size_t)(before - rest.p) + 1 : 0;

		join_tail(r, slice_of(rest.p + at, rest.n - at));
		if (!before && piece->begin > 0)
			return OK;
		if (!r->skipping)
			take_line(r, buf_slice(&r->tail), piece->begin + (off_t)at);
		buf_release(&r->tail);
		r->skipping = false;
		r->end = piece->begin + (off_t)at;
		rest.n = before ? at - 1 : 0;
		error = timeslice_spend(&r->timeslice, r->changes ? change_effort : line_effort);
	}
	return error;
}

static bool parse_cursor(struct slice cursor, uint64_t *ret_inode, off_t *ret_end)
{
	const char *dash = cursor.n ? memchr(cursor.p, '-', cursor.n) : NULL;
	uint64_t end;

	if (!dash)
		return false;
	size_t n = (size_t)(dash - cursor.p);
	if (!slice_uint64(slice_of(cursor.p, n), ret_inode) ||
		!slice_uint64(slice_skip(cursor, n + 1), &end) || end > INT64_MAX)
		return false;
	*ret_end = (off_t)end;
	return true;
}

static void print_time(int64_t wall_ms, char *ret, size_t room)
{
	struct buf text = {0};

	ret[0] = '\0';
	if (wall_ms < 0)
		return;
	timestamp_format(wall_ms, &text);
	snprintf(ret, room, "%s", text.p);
	buf_release(&text);
}

/* From `end` on backwards, until the page is full. Parks. */
static enum error read_page(
	struct loop *loop, struct audit_reader *r, struct piece *piece, struct fault *fault)
{
	off_t first_end = -1;
	uint64_t inode = piece->inode;
	bool given = piece->end >= 0;

	do {
		enum error error = piece_read(loop, piece);

		if (error)
			return error;
		if (piece->error)
			return fault_set(fault, ERR_AUDIT_UNAVAILABLE,
				"the audit log %s cannot be read: %s", piece->own_path,
				strerror(piece->error));
		if (given && piece->inode != inode)
			return fault_set(fault, ERR_BAD_PARAMETER,
				"the audit log was rotated since the cursor was given: begin again "
				"without a cursor");
		if (first_end < 0)
			first_end = r->begun = r->end = piece->end;
		error = take_piece(r, piece, piece->end == first_end);
		if (error)
			return error;
		piece->end = piece->begin;
	} while (piece->begin > 0 && !is_full(r) && first_end - piece->begin < page_bytes);
	if (r->changes && piece->begin == 0 && (!is_full(r) || r->end == 0))
		take_rest(r);
	return OK;
}

/* Where the next page begins, if there may be one. */
static void add_cursor(const struct audit_reader *r, const struct piece *piece, struct buf *out)
{
	bool more = is_full(r) ? r->end > 0 && r->older < max_older : piece->begin > 0;
	/* Of a line that is longer than all that was looked at, nothing is looked at again. */
	off_t end = r->end < r->begun ? r->end : piece->begin;

	if (more)
		buf_printf(out, "%" PRIu64 "-%lld", piece->inode, (long long)end);
}

enum error audit_page_read(struct loop *loop, const char *path,
	const struct audit_page_query *query, struct buf *items, struct buf *next,
	struct fault *fault)
{
	struct audit_reader r = {.query = query, .items = items};
	struct piece *piece = mem_new(struct piece);

	piece->fd = -1;
	piece->end = -1;
	piece->own_path = mem_strdup(path);
	print_time(query->since_wall_ms, r.since, sizeof r.since);
	print_time(query->until_wall_ms, r.until, sizeof r.until);
	enum error error = OK;
	if (query->cursor.n && !parse_cursor(query->cursor, &piece->inode, &piece->end))
		error = fault_set(fault, ERR_BAD_PARAMETER, "cursor is not one that a list gave");
	if (query->changes) {
		r.changes = audit_changes_new();
		r.shown = piece->end;
		if (piece->end >= 0 && piece->end < INT64_MAX - ahead_bytes)
			piece->end += ahead_bytes;
	}
	if (!error)
		error = read_page(loop, &r, piece, fault);
	if (!error)
		add_cursor(&r, piece, next);
	buf_release(&r.tail);
	audit_changes_free(r.changes);
	if (!piece->abandoned)
		piece_free(piece);
	return error;
}
