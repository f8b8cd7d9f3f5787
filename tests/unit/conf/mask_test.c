/* SPDX-License-Identifier: MIT */
#include "conf/mask.h"

#include "../unit.h"

static void expect(const char *text, const char *expected)
{
	struct buf out = {0};

	mask_text(slice_str(text), &out);
	ck_assert_str_eq(out.p ? out.p : "", expected);
	buf_release(&out);
}

START_TEST(secrets_are_recognised_by_the_name_before_them)
{
	expect("--password=X", "--password=<redacted>");
	expect("-password X -e 1", "-password <redacted> -e 1");
	expect("--db-password='a b' c", "--db-password=<redacted> c");
	expect("PGPASSWORD=X psql", "PGPASSWORD=<redacted> psql");
	expect("Authorization: Bearer X", "Authorization: <redacted>");
	expect("curl -H 'X-Api-Key: X Y' http://h", "curl -H 'X-Api-Key: <redacted>' http://h");
	expect("https://u:X@h:1/p?n=1&access_token=X&m=2#f",
		"https://<redacted>@h:1/p?n=1&access_token=<redacted>&m=2#f");
	expect("redis://:X@h", "redis://<redacted>@h");
	expect("key=X", "key=<redacted>");
	expect("SECRET=\"X", "SECRET=<redacted>");
}
END_TEST

START_TEST(other_texts_stay_as_they_are)
{
	static const char *const texts[] = {"", "--verbose", "--password", "--user=cw",
		"keyboard=1", "--tokens=5", "select key, value from t", "a:b",
		"http://h/p?page={page}", "user@host", "--password=${env:PW}",
		"https://${env:U}@h/", "token", "./token.sh", "=", ":", "'--'"};

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		expect(texts[i], texts[i]);
}
END_TEST

START_TEST(an_option_may_hide_the_next_argument)
{
	ck_assert(mask_next(SLICE("--password")));
	ck_assert(mask_next(SLICE("--api-key")));
	ck_assert(!mask_next(SLICE("--password=X")));
	ck_assert(!mask_next(SLICE("password")));
	ck_assert(!mask_next(SLICE("--user")));
	ck_assert(!mask_next(SLICE("-")));
	ck_assert(!mask_next(SLICE("")));
}
END_TEST

TEST_SUITE("conf_mask", secrets_are_recognised_by_the_name_before_them,
	other_texts_stay_as_they_are, an_option_may_hide_the_next_argument)
