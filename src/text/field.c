/* SPDX-License-Identifier: MIT */
/* The rules of header fields; see field.h. */
#include "text/field.h"

#include <string.h>

static bool is_name_byte(char c)
{
	static const char marks[] = "!#$%&'*+.^_`|~";

	if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-')
		return true;
	return c != '\0' && memchr(marks, c, sizeof marks - 1) != NULL;
}

bool field_is_name(struct slice text)
{
	for (size_t i = 0; i < text.n; i++)
		if (!is_name_byte(text.p[i]))
			return false;
	return text.n > 0;
}

bool field_is_value(struct slice text)
{
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];

		if ((c < ' ' && c != '\t') || c == 0x7f)
			return false;
	}
	return true;
}

static char lower(char c)
{
	return (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

bool field_equal(struct slice a, struct slice b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++)
		if (lower(a.p[i]) != lower(b.p[i]))
			return false;
	return true;
}
