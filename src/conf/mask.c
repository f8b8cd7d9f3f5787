/* SPDX-License-Identifier: MIT */
/* Secrets within text; see mask.h. Text that only looks like a secret is masked, too. */
#include "conf/mask.h"

#include <string.h>

static const char *const words[] = {"password", "passwd", "passphrase", "secret", "token",
	"credential", "authorization", "apikey", "api-key", "api_key", "access-key", "access_key",
	"private-key", "private_key", "signature"};
static const char *const whole[] = {"pass", "pwd", "auth", "key", "cookie", "sig"};

static bool is_name_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '-';
}

static bool holds(struct slice name, const char *word)
{
	size_t n = strlen(word);

	for (size_t i = 0; i + n <= name.n; i++)
		if (strncasecmp(name.p + i, word, n) == 0)
			return true;
	return false;
}

/* Plural forms are counts: --tokens 5. */
static bool is_secret(struct slice name)
{
	while (name.n && name.p[0] == '-')
		name = slice_of(name.p + 1, name.n - 1);
	if (name.n && (name.p[name.n - 1] == 's' || name.p[name.n - 1] == 'S') &&
		!holds(name, "pass") && !holds(name, "credential"))
		return false;
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (holds(name, words[i]))
			return true;
	for (size_t i = 0; i < sizeof whole / sizeof *whole; i++)
		if (name.n == strlen(whole[i]) && holds(name, whole[i]))
			return true;
	return false;
}

bool mask_next(struct slice argument)
{
	size_t n = 0;

	while (n < argument.n && is_name_byte(argument.p[n]))
		n++;
	return n == argument.n && n > 2 && argument.p[0] == '-' && is_secret(argument);
}

/* The length of the value that the text begins with. */
static size_t value_bytes(struct slice text, const char *ends)
{
	size_t n = 0;

	if (text.n && (text.p[0] == '"' || text.p[0] == '\'')) {
		const char *close = memchr(text.p + 1, text.p[0], text.n - 1);

		return close ? (size_t)(close - text.p) + 1 : text.n;
	}
	while (n < text.n && !(text.p[n] && strchr(ends, text.p[n])))
		n++;
	return n;
}

/* The bytes between a name and its value: "=", ": " or, after an option, spaces. 0 = no value. */
static size_t separator_bytes(struct slice name, struct slice text, const char **ret_ends)
{
	size_t n = 0;
	bool colon = text.n && text.p[0] == ':';

	*ret_ends = colon ? "\"'\r\n" : " \t\r\n\"'&;";
	if (text.n && (colon || text.p[0] == '='))
		n = 1;
	else if (name.p[0] != '-')
		return 0;
	while (n < text.n && text.p[n] == ' ' && (colon || text.p[0] == ' '))
		n++;
	return n;
}

/* The length of user:password@ after "://"; 0 = none. */
static size_t userinfo_bytes(struct slice text)
{
	size_t n = 0, at = 0;

	for (; n < text.n && text.p[n] && !strchr("/?# \t\r\n\"'", text.p[n]); n++)
		if (text.p[n] == '@')
			at = n;
	return at;
}

static void redact(struct slice value, struct buf *out)
{
	if (slice_starts(value, SLICE("${env:")) || !value.n)
		buf_add(out, value);
	else
		buf_str(out, "<redacted>");
}

void mask_text(struct slice text, struct buf *out)
{
	size_t i = 0;

	while (i < text.n) {
		struct slice rest = slice_of(text.p + i, text.n - i);
		size_t n = 0;
		const char *ends;

		while (n < rest.n && is_name_byte(rest.p[n]))
			n++;
		if (!n) {
			n = slice_starts(rest, SLICE("://")) ? 3 : 1;
			buf_append(out, rest.p, n);
			i += n;
			n = n == 3 ? userinfo_bytes(slice_of(text.p + i, text.n - i)) : 0;
			if (n)
				redact(slice_of(text.p + i, n), out);
			i += n;
			continue;
		}
		struct slice name = slice_of(rest.p, n);
		buf_add(out, name);
		i += n;
		rest = slice_of(text.p + i, text.n - i);
		n = is_secret(name) ? separator_bytes(name, rest, &ends) : 0;
		if (!n || slice_starts(rest, SLICE("://")))
			continue;
		buf_append(out, rest.p, n);
		i += n;
		n = value_bytes(slice_of(text.p + i, text.n - i), ends);
		redact(slice_of(text.p + i, n), out);
		i += n;
	}
}
