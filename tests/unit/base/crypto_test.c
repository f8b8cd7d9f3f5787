/* SPDX-License-Identifier: MIT */
#include "base/base64.h"
#include "base/crypto.h"
#include "base/hex.h"

#include <stdlib.h>
#include <string.h>

#include "../unit.h"

START_TEST(sha256_matches_the_standards_vectors)
{
	static const struct {
		const char *text, *hex;
	} rows[] = {
		{"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
		{"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
		{"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
			"248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
	};
	struct buf hex = {0};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		uint8_t digest[SHA256_BYTES];

		crypto_sha256(slice_str(rows[i].text), digest);
		buf_clear(&hex);
		hex_encode(digest, sizeof digest, &hex);
		ck_assert_uint_eq(hex.n, SHA256_HEX);
		ck_assert_str_eq(hex.p, rows[i].hex);
	}
	buf_release(&hex);
}
END_TEST

START_TEST(random_bytes_fill_all_and_differ)
{
	uint8_t a[600] = {0}, b[600] = {0};
	size_t same = 0;

	crypto_random(a, sizeof a);
	crypto_random(b, sizeof b);
	crypto_random(NULL, 0);
	for (size_t i = 0; i < sizeof a; i++)
		same += a[i] == b[i];
	ck_assert_uint_lt(same, 60);
	ck_assert(!crypto_equal(a, b, sizeof a));
	ck_assert(crypto_equal(a, a, sizeof a));
	ck_assert(crypto_equal(NULL, NULL, 0));
}
END_TEST

START_TEST(hexadecimal_is_decoded_strictly)
{
	uint8_t bytes[3];

	ck_assert(hex_decode(SLICE("00fFa5"), bytes, 3));
	ck_assert(memcmp(bytes, "\x00\xff\xa5", 3) == 0);
	ck_assert(hex_decode(SLICE(""), bytes, 0));
	ck_assert(!hex_decode(SLICE("00ff"), bytes, 3));
	ck_assert(!hex_decode(SLICE("00ffa5a5"), bytes, 3));
	ck_assert(!hex_decode(SLICE("00ffa"), bytes, 3));
	ck_assert(!hex_decode(SLICE("00ffa"), bytes, 2));
	ck_assert(!hex_decode(SLICE("00fg00"), bytes, 3));
	ck_assert(!hex_decode(SLICE("00f 00"), bytes, 3));
}
END_TEST

START_TEST(base64_matches_the_standards_vectors)
{
	static const struct {
		const char *text, *plain, *url;
	} rows[] = {
		{"", "", ""},
		{"f", "Zg==", "Zg"},
		{"fo", "Zm8=", "Zm8"},
		{"foo", "Zm9v", "Zm9v"},
		{"foob", "Zm9vYg==", "Zm9vYg"},
		{"fooba", "Zm9vYmE=", "Zm9vYmE"},
		{"foobar", "Zm9vYmFy", "Zm9vYmFy"},
		{"\xfb\xff\xfe", "+//+", "-__-"},
	};
	struct buf out = {0};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		for (int url = 0; url < 2; url++) {
			const char *encoded = url ? rows[i].url : rows[i].plain;

			buf_clear(&out);
			base64_encode(slice_str(rows[i].text), url, &out);
			ck_assert(slice_is(buf_slice(&out), encoded));
			buf_clear(&out);
			ck_assert(base64_decode(slice_str(encoded), url, &out));
			ck_assert(slice_is(buf_slice(&out), rows[i].text));
		}
	buf_release(&out);
}
END_TEST

START_TEST(base64_is_decoded_strictly)
{
	static const char *const plain[] = {"Z", "Zg", "Zg=", "Zh==", "Zm9=", "=",
		"==", "===", "====", "Z===", "Zg==Zg==", "Zg== ", "Zm9v\n", "-__-", "Zm=v",
		"Zm9vYmE"};
	static const char *const url[] = {"Z", "Zg==", "Zh", "Zm9", "+//+", "Zm9v ", "Zm9vY"};
	struct buf out = {0};

	buf_str(&out, "kept");
	for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
		ck_assert_msg(!base64_decode(slice_str(plain[i]), false, &out), "%s", plain[i]);
	for (size_t i = 0; i < sizeof url / sizeof *url; i++)
		ck_assert_msg(!base64_decode(slice_str(url[i]), true, &out), "%s", url[i]);
	ck_assert_str_eq(out.p, "kept");
	ck_assert_uint_eq(out.n, 4);
	buf_release(&out);
}
END_TEST

START_TEST(base64_round_trips_random_bytes_of_all_lengths)
{
	uint8_t bytes[100];
	struct buf text = {0}, back = {0};

	for (size_t n = 0; n <= sizeof bytes; n++) {
		crypto_random(bytes, n);
		buf_clear(&text);
		buf_clear(&back);
		base64_encode(slice_of((char *)bytes, n), n % 2, &text);
		ck_assert(base64_decode(buf_slice(&text), n % 2, &back));
		ck_assert(slice_equal(buf_slice(&back), slice_of((char *)bytes, n)));
	}
	buf_release(&text);
	buf_release(&back);
}
END_TEST

TEST_SUITE("crypto", sha256_matches_the_standards_vectors, random_bytes_fill_all_and_differ,
	hexadecimal_is_decoded_strictly, base64_matches_the_standards_vectors,
	base64_is_decoded_strictly, base64_round_trips_random_bytes_of_all_lengths)
