/* SPDX-License-Identifier: MIT */
#include "cli/event_lines.h"

#include <stdlib.h>
#include <string.h>

#include "../unit.h"

static struct buf seen;

static void take(void *context, const struct event *event)
{
	(void)context;
	buf_printf(&seen, "[%.*s|%.*s|%.*s]", (int)event->id.n, event->id.n ? event->id.p : "",
		(int)event->name.n, event->name.n ? event->name.p : "", (int)event->data.n,
		event->data.p);
}

/* What a stream gives that comes in pieces of `piece` bytes. */
static const char *read_in(const char *text, size_t piece)
{
	struct event_lines lines = {0};
	struct slice rest = slice_str(text);

	buf_clear(&seen);
	while (rest.n) {
		size_t n = rest.n < piece ? rest.n : piece;

		ck_assert(event_lines_add(&lines, slice_of(rest.p, n), take, NULL));
		rest = slice_skip(rest, n);
	}
	event_lines_release(&lines);
	return seen.p ? seen.p : "";
}

START_TEST(events_are_found_in_pieces_of_any_size)
{
	static const struct {
		const char *text, *events;
	} cases[] = {
		{"id: 1\nevent: warm\ndata: {}\n\n", "[1|warm|{}]"},
		{"data:a\ndata: b\ndata\n\n", "[||a\nb\n]"},
		{":\n: a comment\n\nevent: x\n\ndata: 1\n\n", "[||1]"},
		{"id: 1\r\ndata: a\r\n\r\nid: 2\rdata: b\r\r", "[1||a][2||b]"},
		{"unknown: 1\ndata:  two\n\n", "[|| two]"},
		{"data: not ended\n", ""},
		{"\n\n\ndata: x\n\n", "[||x]"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		for (size_t piece = 1; piece < 12; piece++)
			ck_assert_str_eq(read_in(cases[i].text, piece), cases[i].events);
	buf_release(&seen);
}
END_TEST

START_TEST(what_has_no_end_is_refused)
{
	struct event_lines lines = {0};
	char part[4096];
	size_t parts = 0;

	memset(part, 'x', sizeof part);
	while (event_lines_add(&lines, slice_of(part, sizeof part), take, NULL))
		ck_assert_uint_lt(++parts, 1000);
	event_lines_reset(&lines);
	memcpy(part, "data: ", 6);
	part[sizeof part - 1] = '\n';
	for (parts = 0; event_lines_add(&lines, slice_of(part, sizeof part), take, NULL);)
		ck_assert_uint_lt(++parts, 1000);
	event_lines_release(&lines);
	ck_assert_uint_eq(seen.n, 0);
}
END_TEST

TEST_SUITE("cli_event_lines", events_are_found_in_pieces_of_any_size, what_has_no_end_is_refused)
