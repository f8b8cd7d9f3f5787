/* SPDX-License-Identifier: MIT */
#include "watch/event_entry.h"

#include <string.h>

#include "../redis/reply.h"
#include "../unit.h"
#include "base/mem.h"

#define ID "0123456789abcdef:1796118133399-2"

static struct event_spec spec = {.id = {ID, sizeof ID - 1},
	.event = {"invalidation", 12},
	.wall_ms = 1796118133000,
	.data = {"{\"by\":\"x\"}", 10}};

/* The entry that an XADD of these words makes. */
static struct redis_value *entry_of(const struct slice *words, size_t count)
{
	struct buf text = {0};

	buf_printf(&text, "*2\r\n$3\r\n9-1\r\n*%zu\r\n", count);
	for (size_t i = 0; i < count; i++) {
		buf_printf(&text, "$%zu\r\n", words[i].n);
		buf_add(&text, words[i]);
		buf_str(&text, "\r\n");
	}
	struct redis_value *entry = reply_of(text.p);

	buf_release(&text);
	return entry;
}

static struct event_item *passed_on(struct event_item *item)
{
	struct redis_batch *batch = redis_batch_new();
	struct slice words[20];

	event_entry_add(item, SLICE("cw:events"), 4096, batch);
	size_t n = redis_batch_words(batch, 0, words, 20);
	ck_assert(slice_is(words[0], "XADD") && slice_is(words[1], "cw:events"));
	ck_assert(slice_is(words[2], "MAXLEN") && slice_is(words[4], "4096"));
	struct redis_value *entry = entry_of(words + 6, n - 6);
	ck_assert(slice_is(event_entry_id(entry), "9-1"));
	ck_assert(slice_is(event_entry_event(entry), ID));
	struct event_item *read = event_entry_read(entry);
	redis_value_free(entry);
	redis_batch_free(batch);
	return read;
}

START_TEST(an_event_is_the_same_in_another_process)
{
	static const char *const names[] = {"", "{\"keys\":[\"a\"],\"truncated\":false}"};

	for (size_t i = 0; i < 2; i++) {
		spec.names = slice_str(names[i]);
		struct event_item *item = event_item_new(&spec);

		item->shown = i == 1;
		struct event_item *read = passed_on(item);
		ck_assert_ptr_nonnull(read);
		ck_assert(slice_equal(read->text, item->text));
		ck_assert(slice_equal(read->names, item->names));
		ck_assert_int_eq(read->wall_ms, 1796118133000);
		/* What was shown before it was stored is late. */
		ck_assert_int_eq(read->late, i == 1);
		event_item_unref(item);
		event_item_unref(read);
	}
}
END_TEST

START_TEST(what_is_not_whole_is_no_event)
{
	static const struct {
		const char *field, *value; /* in place of the right one */
	} bad[] = {
		{"i", "x"},
		{"i", ""},
		{"e", ""},
		{"e", "Pause"},
		{"e", "a\nb"},
		{"e", "abcdefghijklmnopqrstuvwx"},
		{"t", "-1"},
		{"t", "1.5"},
		{"t", ""},
		{"d", ""},
		{"d", "{"},
		{"d", "[]"},
		{"d", "{}\n"},
		{"d", " {}"},
		{"d", "{\"a\":\n1}"},
		{"d", "{\"a\":\"\\u0000\"}"},
		{"d", "{\"a\":\"\xff\"}"},
	};

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct slice words[] = {SLICE("i"), SLICE(ID), SLICE("e"), SLICE("pause"),
			SLICE("t"), SLICE("1"), SLICE("d"), SLICE("{}")};

		for (size_t at = 0; at < 8; at += 2)
			if (slice_is(words[at], bad[i].field))
				words[at + 1] = slice_str(bad[i].value);
		struct redis_value *entry = entry_of(words, 8);
		ck_assert_msg(!event_entry_read(entry), "%s %s", bad[i].field, bad[i].value);
		redis_value_free(entry);
	}
	static const char *const shapes[] = {":1\r\n", "*0\r\n", "*2\r\n$1\r\nx\r\n$1\r\ny\r\n",
		"*2\r\n*0\r\n*0\r\n", "*2\r\n$1\r\nx\r\n*1\r\n$1\r\ni\r\n"};
	for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
		struct redis_value *entry = reply_of(shapes[i]);

		ck_assert_ptr_null(event_entry_read(entry));
		ck_assert_uint_eq(event_entry_event(entry).n, 0);
		redis_value_free(entry);
	}
}
END_TEST

START_TEST(names_that_are_not_whole_count_as_not_recorded)
{
	static const char *const bad[] = {"x", "{}", "{\"keys\":1}", "{\"keys\":[\n]}", "[]"};

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct slice words[] = {SLICE("i"), SLICE(ID), SLICE("e"), SLICE("pause"),
			SLICE("t"), SLICE("1"), SLICE("d"), SLICE("{}"), SLICE("n"),
			slice_str(bad[i])};
		struct redis_value *entry = entry_of(words, 10);
		struct event_item *item = event_entry_read(entry);

		ck_assert_ptr_nonnull(item);
		ck_assert_uint_eq(item->names.n, 0);
		event_item_unref(item);
		redis_value_free(entry);
	}
}
END_TEST

TEST_SUITE("event_entry", an_event_is_the_same_in_another_process, what_is_not_whole_is_no_event,
	names_that_are_not_whole_count_as_not_recorded)
