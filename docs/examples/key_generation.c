/* SPDX-License-Identifier: MIT */
/* Keys built from typed parts, as POST /key builds them (test vectors: docs/keys.json). */
#include "example.h"

int main(int argc, char **argv)
{
	struct cw_cache *cache = open_cache(argc > 1 ? argv[1] : NULL);
	struct cw_key key;

	/* Positional parts in their order, then named parts sorted by name. */
	must(CW_KEY(&key, &error, "user", cw_int(42), cw_text("orders"),
		cw_named("page", cw_int(2)), cw_named("all", cw_bool(true))));
	puts(key.text);
	/* Separators and the special characters of globs are escaped. */
	must(CW_KEY(&key, &error, "search", cw_text("a:b * c")));
	puts(key.text);
	/* Integers of any size; the text "1" and the number 1 are the same key. */
	must(CW_KEY(&key, &error, "n", cw_digits("123456789012345678901234567890"), cw_null()));
	puts(key.text);
	/* Long keys keep their prefix, so that patterns and namespaces still reach them. */
	char text[300];
	memset(text, 'x', sizeof text);
	must(CW_KEY(&key, &error, "search", cw_text_bytes(cw_bytes(text, sizeof text))));
	puts(key.text);
	/* Up to 64 parts, built at run time. */
	struct cw_part parts[3];
	for (int i = 0; i < 3; i++)
		parts[i] = cw_int(i * i);
	must(cw_key_make(cw_str("squares"), parts, 3, &key, &error));
	puts(key.text);
	/* A key of the configuration's entity `user`. */
	must(cw_entity_key(cache, "user", "profile", cw_str("42"), &key, &error));
	puts(key.text);
	cw_close(cache);
	return 0;
}
/*
 * user:42:orders:all=true:page=2
 * search:a%3Ab%20%2A%20c
 * n:123456789012345678901234567890:null
 * search:#0d4e2ca9e9cbced7a7a5380eb29e1a37
 * squares:0:1:4
 * user:profile:42
 */
