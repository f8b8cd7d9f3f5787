/* SPDX-License-Identifier: MIT */
#include "source/decode.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "../unit.h"

/* zlib's format by `bits`: 31 gzip, 15 deflate by the standard, -15 bare. */
static void add_zlib(struct buf *out, int bits, struct slice text)
{
	z_stream z = {0};

	ck_assert_int_eq(deflateInit2(&z, 9, Z_DEFLATED, bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
	size_t room = deflateBound(&z, text.n);
	z.next_out = (unsigned char *)buf_reserve(out, room);
	z.avail_out = (unsigned)room;
	z.next_in = (unsigned char *)(uintptr_t)text.p;
	z.avail_in = (unsigned)text.n;
	ck_assert_int_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
	out->n += z.total_out;
	deflateEnd(&z);
}

static void add_zstd(struct buf *out, struct slice text)
{
	size_t room = ZSTD_compressBound(text.n);
	size_t n = ZSTD_compress(buf_reserve(out, room), room, text.p, text.n, 3);

	ck_assert(!ZSTD_isError(n));
	out->n += n;
}

enum outcome { WHOLE, CUT, DAMAGED };

/* In pieces of so many bytes, each in memory of its own. */
static enum outcome decode_all(const char *coding, struct slice data, size_t piece, struct buf *out)
{
	struct decode *decode;
	enum outcome outcome = WHOLE;

	ck_assert(decode_new(slice_str(coding), &decode));
	for (size_t at = 0; at < data.n && outcome == WHOLE; at += piece) {
		size_t n = data.n - at < piece ? data.n - at : piece;
		char *copy = malloc(n);
		struct slice input = slice_of(memcpy(copy, data.p + at, n), n), got;

		do {
			if (!decode_step(decode, &input, &got))
				outcome = DAMAGED;
			else
				buf_add(out, got);
		} while (outcome == WHOLE && got.n);
		free(copy);
	}
	if (outcome == WHOLE && !decode_is_whole(decode))
		outcome = CUT;
	decode_free(decode);
	return outcome;
}

static void expect(const char *coding, const struct buf *data, struct slice text)
{
	static const size_t pieces[] = {1, 2, 3, 7, 1000, 1 << 20};

	for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
		struct buf out = {0};

		ck_assert_int_eq(decode_all(coding, buf_slice(data), pieces[i], &out), WHOLE);
		ck_assert_msg(slice_equal(buf_slice(&out), text), "%s in pieces of %zu", coding,
			pieces[i]);
		buf_release(&out);
	}
}

/* What shrinks little, and what shrinks a thousandfold. */
static void make_text(struct buf *out)
{
	for (int i = 0; i < 3000; i++)
		buf_printf(out, "{\"id\":%d,\"v\":\"%d\"}\n", i, i * 7919 % 10007);
	memset(buf_reserve(out, 300000), ' ', 300000);
	out->n += 300000;
}

START_TEST(each_coding_is_decoded_in_pieces_of_any_size)
{
	struct buf text = {0}, gzip = {0}, zlib = {0}, bare = {0}, zstd = {0};

	make_text(&text);
	struct slice half = slice_of(text.p, text.n / 2),
		     rest = slice_of(text.p + half.n, text.n - half.n);
	add_zlib(&gzip, 31, half);
	add_zlib(&gzip, 31, slice_of("", 0));
	add_zlib(&gzip, 31, rest);
	add_zlib(&zlib, 15, buf_slice(&text));
	add_zlib(&bare, -15, buf_slice(&text));
	add_zstd(&zstd, half);
	add_zstd(&zstd, rest);
	expect("gzip", &gzip, buf_slice(&text));
	expect("X-GZIP", &gzip, buf_slice(&text));
	expect("deflate", &zlib, buf_slice(&text));
	expect("Deflate", &bare, buf_slice(&text));
	expect("zstd", &zstd, buf_slice(&text));
	struct buf nothing = {0};
	expect("gzip", &nothing, slice_of("", 0));
	expect("zstd", &nothing, slice_of("", 0));
	buf_release(&gzip), buf_release(&zlib), buf_release(&bare), buf_release(&zstd),
		buf_release(&text);
}
END_TEST

START_TEST(truncated_and_damaged_content_is_an_error)
{
	static const char *const codings[] = {"gzip", "deflate", "deflate", "zstd"};
	static const int bits[] = {31, 15, -15};
	struct slice text =
		SLICE("[{\"id\":1},{\"id\":2},{\"id\":1},{\"id\":2},{\"id\":1},{\"id\":22}]");

	for (size_t i = 0; i < 4; i++) {
		struct buf data = {0};

		if (i < 3)
			add_zlib(&data, bits[i], text);
		else
			add_zstd(&data, text);
		for (size_t n = 1; n < data.n; n++) {
			struct buf out = {0};

			ck_assert_int_eq(decode_all(codings[i], slice_of(data.p, n), 5, &out), CUT);
			ck_assert(slice_starts(text, buf_slice(&out)));
			buf_release(&out);
		}
		/* One byte too many; one that is another. */
		buf_char(&data, 'x');
		struct buf out = {0};
		ck_assert_int_ne(decode_all(codings[i], buf_slice(&data), 5, &out), WHOLE);
		/* A bare one has no checksum, nor has zstd unless asked for. */
		data.n--;
		data.p[i == 3 ? 1 : data.n - 1] ^= 1;
		buf_clear(&out);
		if (i != 2)
			ck_assert_int_eq(
				decode_all(codings[i], buf_slice(&data), 5, &out), DAMAGED);
		buf_release(&out);
		buf_release(&data);
	}
}
END_TEST

START_TEST(other_codings_are_refused)
{
	struct decode *decode;

	ck_assert(!decode_new(SLICE("br"), &decode));
	ck_assert(!decode_new(SLICE("gzip, gzip"), &decode));
	ck_assert(!decode_new(SLICE("gzi"), &decode));
	ck_assert(!decode_new(SLICE(""), &decode));
	ck_assert(decode_new(SLICE("Identity"), &decode));
	ck_assert_ptr_null(decode);
}
END_TEST

TEST_SUITE("decode", each_coding_is_decoded_in_pieces_of_any_size,
	truncated_and_damaged_content_is_an_error, other_codings_are_refused)
