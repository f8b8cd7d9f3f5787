/* SPDX-License-Identifier: MIT */
/* Reading lines of MONITOR; see monitor_line.h. */
#include "redis/monitor_line.h"

#include <string.h>

#include "base/hex.h"
#include "redis/key_place.h"

enum { key_bytes = 1024, command_bytes = 64, max_keys = 1000 };

bool monitor_line_parse(struct slice line, struct monitor_line *ret)
{
	const char *open = line.n ? memmem(line.p, line.n, " [", 2) : NULL;
	uint64_t database;

	if (!open)
		return false;
	struct slice rest = slice_skip(line, (size_t)(open - line.p) + 2);
	const char *space = rest.n ? memchr(rest.p, ' ', rest.n) : NULL;
	const char *close = rest.n ? memmem(rest.p, rest.n, "] \"", 3) : NULL;

	if (!space || !close ||
		!slice_uint64(slice_of(rest.p, (size_t)(space - rest.p)), &database) ||
		database > UINT16_MAX)
		return false;
	ret->database = (unsigned)database;
	ret->words = slice_skip(rest, (size_t)(close - rest.p) + 2);
	return true;
}

/* The byte behind a backslash; *ret_n is how many bytes of the text it takes. */
static char unescape(struct slice text, size_t *ret_n)
{
	static const char letters[] = "nrtab", bytes[] = "\n\r\t\a\b";
	const char *at = strchr(letters, text.p[0]);

	*ret_n = 1;
	if (text.p[0] == 'x' && text.n > 2 && hex_value(text.p[1]) >= 0 &&
		hex_value(text.p[2]) >= 0) {
		*ret_n = 3;
		return (char)(hex_value(text.p[1]) * 16 + hex_value(text.p[2]));
	}
	return text.p[0] && at ? bytes[at - letters] : text.p[0];
}

/* Decodes the next word, of which at most `most` bytes are kept; false after the last one. */
static bool monitor_line_word(struct monitor_line *line, size_t most, struct buf *ret)
{
	struct slice left = line->words;

	buf_clear(ret);
	while (left.n && left.p[0] == ' ')
		left = slice_skip(left, 1);
	if (left.n == 0 || left.p[0] != '"')
		return false;
	left = slice_skip(left, 1);
	while (left.n && left.p[0] != '"') {
		char byte = left.p[0];
		size_t n = 1;

		if (byte == '\\' && left.n > 1) {
			byte = unescape(slice_skip(left, 1), &n);
			n++;
		}
		if (ret->n < most)
			buf_char(ret, byte);
		left = slice_skip(left, n);
	}
	line->words = slice_skip(left, left.n > 0);
	return left.n > 0;
}

/* Reads on to the first key. */
static bool skip_to(struct monitor_line *line, const struct key_place *place, uint64_t *ret_keys,
	struct buf *word)
{
	*ret_keys = place->step ? max_keys : 1;
	for (unsigned i = 1; i < place->first; i++)
		if (!monitor_line_word(line, key_bytes, word))
			return false;
	if (!place->counted)
		return true;
	return slice_uint64(buf_slice(word), ret_keys) && *ret_keys <= max_keys;
}

void monitor_line_lookups(struct monitor_line *line,
	void (*looked_up)(void *context, struct slice key), void *context)
{
	struct key_place place;
	struct buf word = {0};
	uint64_t keys;

	if (monitor_line_word(line, command_bytes, &word) &&
		key_place_of(buf_slice(&word), &place) && place.reads &&
		skip_to(line, &place, &keys, &word)) {
		for (uint64_t i = 0; i < keys && monitor_line_word(line, key_bytes, &word); i++)
			looked_up(context, buf_slice(&word));
	}
	buf_release(&word);
}
