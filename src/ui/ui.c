/* SPDX-License-Identifier: MIT */
/* Serves the files of the dashboard. */
#include "ui/ui.h"

#include <assert.h>
#include <string.h>
#include <zlib.h>

#include "base/crypto.h"
#include "base/hex.h"
#include "base/mem.h"
#include "http/reply.h"

/* Scripts, styles and requests of this server alone; nothing inline, no frames, no forms. */
static const char policy[] = "default-src 'none'; script-src 'self'; style-src 'self'; img-src "
			     "'self'; connect-src 'self'; "
			     "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

static const struct {
	const char *suffix, *type;
} types[] = {
	{".html", "text/html; charset=utf-8"},
	{".js", "text/javascript; charset=utf-8"},
	{".css", "text/css; charset=utf-8"},
	{".svg", "image/svg+xml"},
};

static const char *type_of(const char *name)
{
	const char *dot = strrchr(name, '.');

	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		if (dot && strcmp(dot, types[i].suffix) == 0)
			return types[i].type;
	return "application/octet-stream";
}

static const struct ui_file *find(struct slice name)
{
	for (const struct ui_file *file = ui_files; file->name; file++)
		if (slice_is(name, file->name))
			return file;
	return NULL;
}

static void set_tag(const struct ui_file *file, struct buf *tag)
{
	uint8_t digest[SHA256_BYTES];

	crypto_sha256(slice_of(file->begin, (size_t)(file->end - file->begin)), digest);
	buf_char(tag, '"');
	hex_encode(digest, 8, tag);
	buf_char(tag, '"');
}

/* Every browser does; what else asks, such as curl without --compressed, gets the plain text. */
static bool accepts_gzip(const struct request *request)
{
	struct slice accepted;

	return request_header(request, "Accept-Encoding", &accepted) &&
	       memmem(accepted.p, accepted.n, "gzip", 4);
}

/* The size of a gzip file's content is its last four bytes (RFC 1952, 2.3.1). */
static size_t size_of(const struct ui_file *file)
{
	const unsigned char *end = (const unsigned char *)file->end;

	return (size_t)end[-4] | (size_t)end[-3] << 8 | (size_t)end[-2] << 16 |
	       (size_t)end[-1] << 24;
}

static void reply_plain(struct request *request, const struct ui_file *file)
{
	size_t n = size_of(file);
	char *text = mem_alloc(n);
	z_stream z = {
		.next_in = (Bytef *)(uintptr_t)file->begin,
		.avail_in = (uInt)(file->end - file->begin),
		.next_out = (Bytef *)text,
		.avail_out = (uInt)n,
	};

	/* 16: with gzip's header. */
	if (inflateInit2(&z, 16 + MAX_WBITS) != Z_OK)
		mem_exhausted();
	inflate(&z, Z_FINISH);
	assert(z.total_out == n);
	inflateEnd(&z);
	reply_owned(request, 200, type_of(file->name), text, n);
}

/* Browsers ask each time, and get 304 until the daemon is upgraded. */
static void reply_file(struct request *request, const struct ui_file *file)
{
	struct buf tag = {0};
	struct slice known;

	set_tag(file, &tag);
	reply_header(request, "Cache-Control", "no-cache");
	reply_header(request, "Content-Security-Policy", policy);
	reply_header(request, "Vary", "Accept-Encoding");
	reply_header(request, "ETag", tag.p);
	if (request_header(request, "If-None-Match", &known) && slice_equal(known, buf_slice(&tag)))
		reply_empty(request, 304);
	else if (accepts_gzip(request)) {
		reply_header(request, "Content-Encoding", "gzip");
		reply_bytes(request, 200, type_of(file->name),
			slice_of(file->begin, (size_t)(file->end - file->begin)));
	} else
		reply_plain(request, file);
	buf_release(&tag);
}

void ui_page(struct request *request, void *context)
{
	(void)context;
	reply_file(request, find(SLICE("index.html")));
}

void ui_file(struct request *request, void *context)
{
	const struct ui_file *file = find(request_path(request, "file"));
	struct fault fault;

	(void)context;
	if (file)
		reply_file(request, file);
	else {
		fault_set(&fault, ERR_NOT_FOUND, "the dashboard has no such file");
		reply_fault(request, &fault);
	}
}
