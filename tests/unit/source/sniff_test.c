/* SPDX-License-Identifier: MIT */
#include "source/sniff.h"

#include <string.h>

#include "../unit.h"

/* Fed in pieces of each length: what is said first. */
static void expect_sniff(struct slice text, const char *expected)
{
	for (size_t piece = 1; piece <= text.n; piece++) {
		struct sniff sniff = {0};
		const char *said = NULL;

		for (size_t at = 0; at < text.n && !said; at += piece) {
			size_t n = text.n - at < piece ? text.n - at : piece;

			said = sniff_look(&sniff, slice_of(text.p + at, n));
		}
		if (!expected)
			ck_assert_msg(!said, "%s: %s", text.p, said);
		else
			ck_assert_msg(
				said && strstr(said, expected), "%s: %s", text.p, said ? said : "");
	}
}

START_TEST(content_that_is_not_rows_is_named)
{
	expect_sniff(SLICE("<!DOCTYPE html>\n<html>"), "HTML");
	expect_sniff(SLICE("\xEF\xBB\xBF \r\n<HTML lang=en>"), "HTML");
	expect_sniff(SLICE("<?xml version=\"1.0\"?>"), "XML");
	expect_sniff(SLICE("\x1f\x8b\x08\0\0\0"), "gzip");
	expect_sniff(SLICE("\x28\xb5\x2f\xfd\x04"), "zstd");
	expect_sniff(SLICE("PK\x03\x04"), "ZIP");
	expect_sniff(SLICE("\xff\xfei\0d\0"), "UTF-16");
	expect_sniff(SLICE("\xfe\xff\0i\0d"), "UTF-16");
	expect_sniff(SLICE("i\0d\0,\0"), "UTF-16");
	expect_sniff(SLICE("\0i\0d\0,"), "UTF-16");
}
END_TEST

START_TEST(rows_are_not_taken_for_something_else)
{
	expect_sniff(SLICE("id,<html>\n1,<!doctype html>\n"), NULL);
	expect_sniff(SLICE("[{\"a\":\"<html>\"}]"), NULL);
	expect_sniff(SLICE("<htm"), NULL);
	expect_sniff(SLICE("PK,name\n"), NULL);
	expect_sniff(SLICE("a\n\0\0\0\0"), NULL);
	expect_sniff(SLICE("\xEF\xBB\xBFid;name\n"), NULL);
	expect_sniff(SLICE("\xc3\xa9,b\n"), NULL);
}
END_TEST

TEST_SUITE("sniff", content_that_is_not_rows_is_named, rows_are_not_taken_for_something_else)
