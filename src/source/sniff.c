/* SPDX-License-Identifier: MIT */
/* Recognising other formats; see sniff.h. */
#include "source/sniff.h"

#include <string.h>

static const struct {
	struct slice magic;
	const char *is;
} magics[] = {
	{{"\x1f\x8b", 2},
		"is compressed with gzip: decompress it first, such as by argv: [zcat, FILE]"},
	{{"\x28\xb5\x2f\xfd", 4},
		"is compressed with zstd: decompress it first, such as by argv: [zstdcat, FILE]"},
	{{"PK\x03\x04", 4}, "is a ZIP archive or a spreadsheet: save it as CSV in UTF-8"},
	{{"\xff\xfe", 2}, "is UTF-16 and not UTF-8: save it as UTF-8"},
	{{"\xfe\xff", 2}, "is UTF-16 and not UTF-8: save it as UTF-8"},
};

static const struct {
	const char *tag;
	const char *is;
} tags[] = {
	{"<!doctype html", "is an HTML page, such as a login or error page"},
	{"<html", "is an HTML page, such as a login or error page"},
	{"<head", "is an HTML page, such as a login or error page"},
	{"<body", "is an HTML page, such as a login or error page"},
	{"<?xml", "is XML"},
};

/* Every second byte is NUL, as in UTF-16 text that begins with ASCII. */
static bool is_wide(const struct sniff *sniff)
{
	const char *p = sniff->head;

	return sniff->n >= 4 && (!p[0] != !p[1]) && !p[0] == !p[2] && !p[1] == !p[3];
}

static const char *find_tag(const struct sniff *sniff)
{
	size_t at = 0;

	if (sniff->n >= 3 && memcmp(sniff->head, "\xEF\xBB\xBF", 3) == 0)
		at = 3;
	while (at < sniff->n && sniff->head[at] && strchr(" \t\r\n", sniff->head[at]))
		at++;
	for (size_t i = 0; i < sizeof tags / sizeof *tags; i++) {
		size_t n = strlen(tags[i].tag);

		if (sniff->n - at >= n && strncasecmp(sniff->head + at, tags[i].tag, n) == 0)
			return tags[i].is;
	}
	return NULL;
}

const char *sniff_look(struct sniff *sniff, struct slice piece)
{
	size_t room = sizeof sniff->head - sniff->n, n = piece.n < room ? piece.n : room;
	struct slice head;

	if (!n)
		return NULL;
	memcpy(sniff->head + sniff->n, piece.p, n);
	sniff->n += n;
	head = slice_of(sniff->head, sniff->n);
	for (size_t i = 0; i < sizeof magics / sizeof *magics; i++)
		if (slice_starts(head, magics[i].magic))
			return magics[i].is;
	return is_wide(sniff) ? "is UTF-16 and not UTF-8: save it as UTF-8" : find_tag(sniff);
}
