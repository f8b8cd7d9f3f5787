/* SPDX-License-Identifier: MIT */
/* keys PREFIX {KIND NAME TEXT}...: the key made of these parts. NAME is "-" or "=" and a name. */
#include "check.h"

static struct cw_part part_of(char kind, const char *text)
{
	switch (kind) {
	case 'i':
		return cw_int(strtoll(text, NULL, 10));
	case 'd':
		return cw_digits(text);
	case 'b':
		return cw_bool(*text == '1');
	case 'n':
		return cw_null();
	default:
		return cw_text(text);
	}
}

int main(int argc, char **argv)
{
	struct cw_part parts[100];
	struct cw_key key, same;
	size_t count = 0;

	CHECK(argc >= 2 && argc <= 300);
	for (int i = 2; i + 2 < argc; i += 3, count++) {
		parts[count] = part_of(*argv[i], argv[i + 2]);
		if (*argv[i + 1] == '=')
			parts[count] = cw_named(argv[i + 1] + 1, parts[count]);
	}
	if (cw_key_make(cw_str(argv[1]), parts, count, &key, &error) == CW_OK)
		fwrite(key.text, 1, key.size, stdout);
	else
		printf("%s", error.code);
	/* The macro, beside it. */
	OK(CW_KEY(&same, &error, "user", cw_int(1), cw_named("b", cw_int(2)), cw_text("a")));
	CHECK(strcmp(same.text, "user:1:a:b=2") == 0 && same.size == 12);
	return 0;
}
