/* SPDX-License-Identifier: MIT */
#include "cache/codec.h"

#include <string.h>

#include "../unit.h"
#include "engine.h"

static struct buf stored, value, got;
static struct fault fault;

static void begin(size_t n, char (*byte)(size_t i))
{
	buf_clear(&stored);
	buf_clear(&value);
	buf_clear(&got);
	fault = (struct fault){0};
	for (size_t i = 0; i < n; i++)
		buf_char(&value, byte(i));
}

static void end(void)
{
	buf_release(&stored);
	buf_release(&value);
	buf_release(&got);
}

static char repeating(size_t i)
{
	return "cache"[i % 5];
}

/* What no compressor makes smaller. */
static char noise(size_t i)
{
	uint64_t x = (i + 1) * 0x9e3779b97f4a7c15u;

	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	return (char)(x >> 32);
}

static enum error decompress(int64_t most)
{
	buf_clear(&got);
	return codec_decompress(NULL, buf_slice(&stored), most, &got, &fault);
}

START_TEST(a_value_comes_back_as_it_was)
{
	begin(5000, repeating);
	ck_assert(codec_compress(NULL, buf_slice(&value), &stored));
	ck_assert_uint_lt(stored.n, 100);
	ck_assert_int_eq(memcmp(stored.p, "\x50\x2a\x4d\x18\x04\0\0\0cw01\x28\xb5\x2f\xfd", 16), 0);
	ck_assert(codec_is_compressed(buf_slice(&stored)));
	ck_assert_int_eq(decompress(5000), OK);
	ck_assert(slice_equal(buf_slice(&got), buf_slice(&value)));
	end();
}
END_TEST

START_TEST(a_value_that_does_not_shrink_is_not_compressed)
{
	begin(1000, noise);
	ck_assert(!codec_compress(NULL, buf_slice(&value), &stored));
	ck_assert_uint_eq(stored.n, 0);
	ck_assert(!codec_is_compressed(buf_slice(&value)));
	end();
}
END_TEST

START_TEST(a_value_that_looks_compressed_is_wrapped)
{
	begin(40, noise);
	memcpy(value.p, "\x50\x2a\x4d\x18\x04\0\0\0cw01", 12);
	ck_assert(codec_compress(NULL, buf_slice(&value), &stored));
	ck_assert_uint_gt(stored.n, value.n);
	ck_assert_int_eq(decompress(40), OK);
	ck_assert(slice_equal(buf_slice(&got), buf_slice(&value)));
	end();
}
END_TEST

/* In the pool, where there is a fiber to wait for it. */
static void wrap_big(void)
{
	begin(300000, noise);
	memcpy(value.p, "\x50\x2a\x4d\x18\x04\0\0\0cw01", 12);
	ck_assert(codec_compress(engine.cache.loop, buf_slice(&value), &stored));
	buf_clear(&got);
	ck_assert_int_eq(
		codec_decompress(engine.cache.loop, buf_slice(&stored), 300000, &got, &fault), OK);
	ck_assert(slice_equal(buf_slice(&got), buf_slice(&value)));
	end();
}

TEST_CALL(a_big_value_that_looks_compressed_is_wrapped_too, engine_run("", wrap_big))

START_TEST(damaged_frames_are_corrupt_wherever_they_are_cut_or_changed)
{
	begin(300, repeating);
	buf_str(&value, "and some that do not repeat");
	ck_assert(codec_compress(NULL, buf_slice(&value), &stored));
	size_t n = stored.n;
	for (stored.n = 12; stored.n < n; stored.n++)
		ck_assert_int_eq(decompress(1000), ERR_CORRUPT_VALUE);
	buf_char(&stored, 'x');
	ck_assert_int_eq(decompress(1000), ERR_CORRUPT_VALUE);
	stored.n = n;
	ck_assert_int_eq(decompress(1000), OK);
	for (size_t i = 12; i < n; i++) {
		stored.p[i] = (char)(stored.p[i] ^ 0x55);
		enum error error = decompress(1000);

		ck_assert(error == OK || error == ERR_CORRUPT_VALUE);
		stored.p[i] = (char)(stored.p[i] ^ 0x55);
	}
	end();
}
END_TEST

START_TEST(no_frame_gives_more_than_is_allowed)
{
	begin(100000, repeating);
	ck_assert(codec_compress(NULL, buf_slice(&value), &stored));
	ck_assert_uint_eq(codec_value_bytes(buf_slice(&stored)), 100000);
	ck_assert_uint_eq(codec_value_bytes(slice_of(stored.p, 12)), 0);
	ck_assert_uint_eq(codec_value_bytes(SLICE("plain")), 5);
	ck_assert_int_eq(decompress(99999), ERR_CORRUPT_VALUE);
	ck_assert_uint_eq(got.n, 0);
	ck_assert_uint_lt(got.cap, 1000);
	ck_assert_ptr_nonnull(strstr(fault.detail, "100000"));
	/* Two frames: the second would come after the size that the first tells. */
	size_t frame = stored.n - 12;
	struct buf twice = {0};
	buf_append(&twice, stored.p + 12, frame);
	buf_add(&stored, buf_slice(&twice));
	buf_release(&twice);
	ck_assert_int_eq(decompress(1000000), ERR_CORRUPT_VALUE);
	end();
}
END_TEST

START_TEST(an_empty_or_missing_frame_is_corrupt)
{
	begin(0, noise);
	buf_append(&stored, "\x50\x2a\x4d\x18\x04\0\0\0cw01", 12);
	ck_assert_int_eq(decompress(10), ERR_CORRUPT_VALUE);
	buf_append(&stored, "\x50\x2a\x4d\x18\0\0\0\0", 8);
	ck_assert_int_eq(decompress(10), ERR_CORRUPT_VALUE);
	end();
}
END_TEST

static void big_values(void)
{
	begin(1000000, repeating);
	ck_assert(codec_compress(engine.cache.loop, buf_slice(&value), &stored));
	ck_assert_int_eq(
		codec_decompress(engine.cache.loop, buf_slice(&stored), 1000000, &got, &fault), OK);
	ck_assert(slice_equal(buf_slice(&got), buf_slice(&value)));
	stored.p[stored.n / 2] = (char)(stored.p[stored.n / 2] ^ 0x55);
	buf_clear(&got);
	ck_assert_int_eq(
		codec_decompress(engine.cache.loop, buf_slice(&stored), 1000000, &got, &fault),
		ERR_CORRUPT_VALUE);
	begin(300000, noise);
	ck_assert(!codec_compress(engine.cache.loop, buf_slice(&value), &stored));
	end();
}

TEST_CALL(big_values_go_through_the_thread_pool, engine_run("", big_values))

static void compress_and_be_cancelled(void *argument)
{
	(void)argument;
	fiber_cancel(fiber_current());
	ck_assert(!codec_compress(engine.cache.loop, buf_slice(&value), &stored));
	ck_assert(fiber_cancelled());
}

static void cancelled(void)
{
	struct fiber_group group;

	begin(1000000, repeating);
	fiber_group_init(&group, "test", engine.cache.loop);
	fiber_spawn(&group, "compress", compress_and_be_cancelled, NULL);
	ck_assert_int_eq(fiber_group_join(&group, clock_deadline(10000)), OK);
	ck_assert_uint_eq(stored.n, 0);
	end();
}

TEST_CALL(the_work_of_a_cancelled_caller_is_dropped, engine_run("", cancelled))

TEST_SUITE("codec", a_value_comes_back_as_it_was, a_value_that_does_not_shrink_is_not_compressed,
	a_value_that_looks_compressed_is_wrapped, a_big_value_that_looks_compressed_is_wrapped_too,
	damaged_frames_are_corrupt_wherever_they_are_cut_or_changed,
	no_frame_gives_more_than_is_allowed, an_empty_or_missing_frame_is_corrupt,
	big_values_go_through_the_thread_pool, the_work_of_a_cancelled_caller_is_dropped)
