/* SPDX-License-Identifier: MIT */
/*
 * gzip and deflate by zlib, zstd by libzstd; see decode.h.
 *
 *	BEGIN --first bytes--> INSIDE --end of a member or frame--> BETWEEN --more bytes--> INSIDE
 *
 * Special: `deflate` is zlib's format by the standard, but some servers send bare deflate data; the
 * first two bytes tell which it is.
 */
#include "source/decode.h"

#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "base/mem.h"

enum { room_bytes = 64 * 1024, max_window_log = 23 /* RFC 9659: 8 MiB */ };

enum coding { GZIP, DEFLATE, ZSTD };

struct decode {
	enum coding coding;
	enum { BEGIN, INSIDE, BETWEEN } state;
	z_stream z;
	bool z_open;
	ZSTD_DStream *zstd;
	unsigned char first; /* of deflate, kept until the second comes */
	bool first_kept;
	char room[room_bytes];
};

static const char *const names[] = {[GZIP] = "gzip", [DEFLATE] = "deflate", [ZSTD] = "zstd"};

const char *decode_name(const struct decode *decode)
{
	return names[decode->coding];
}

static bool find_coding(struct slice name, enum coding *ret)
{
	for (enum coding c = GZIP; c <= ZSTD; c++) {
		if (name.n == strlen(names[c]) && strncasecmp(name.p, names[c], name.n) == 0) {
			*ret = c;
			return true;
		}
	}
	*ret = GZIP;
	return name.n == 6 && strncasecmp(name.p, "x-gzip", 6) == 0;
}

static void open_zstd(struct decode *decode)
{
	decode->zstd = ZSTD_createDStream();
	if (!decode->zstd)
		mem_exhausted();
	ZSTD_DCtx_setParameter(decode->zstd, ZSTD_d_windowLogMax, max_window_log);
}

/* `bits` as inflateInit2() takes them. */
static void open_zlib(struct decode *decode, int bits)
{
	if (inflateInit2(&decode->z, bits) != Z_OK)
		mem_exhausted();
	decode->z_open = true;
}

bool decode_new(struct slice coding, struct decode **ret)
{
	enum coding known;

	*ret = NULL;
	if (coding.n == 8 && strncasecmp(coding.p, "identity", 8) == 0)
		return true;
	if (!find_coding(coding, &known))
		return false;
	struct decode *decode = mem_new(struct decode);
	decode->coding = known;
	if (known == ZSTD)
		open_zstd(decode);
	else if (known == GZIP)
		open_zlib(decode, 16 + MAX_WBITS);
	*ret = decode;
	return true;
}

void decode_free(struct decode *decode)
{
	if (!decode)
		return;
	if (decode->z_open)
		inflateEnd(&decode->z);
	ZSTD_freeDStream(decode->zstd);
	mem_free(decode);
}

static bool step_zstd(struct decode *decode, struct slice *input, size_t *ret_n)
{
	ZSTD_inBuffer in = {.src = input->p, .size = input->n};
	ZSTD_outBuffer out = {.dst = decode->room, .size = room_bytes};
	size_t left = ZSTD_decompressStream(decode->zstd, &out, &in);

	*input = slice_of(input->p + in.pos, input->n - in.pos);
	*ret_n = out.pos;
	if (ZSTD_isError(left))
		return false;
	decode->state = left ? INSIDE : BETWEEN;
	return true;
}

static bool step_zlib(struct decode *decode, struct slice *input, size_t *ret_n)
{
	z_stream *z = &decode->z;

	/* Another member of gzip. */
	if (decode->state == BETWEEN && (decode->coding != GZIP || inflateReset(z) != Z_OK))
		return false;
	decode->state = INSIDE;
	z->next_in = (unsigned char *)(uintptr_t)input->p;
	z->avail_in = (unsigned)input->n;
	z->next_out = (unsigned char *)decode->room;
	z->avail_out = room_bytes;
	int result = inflate(z, Z_NO_FLUSH);

	*input = slice_of((const char *)z->next_in, z->avail_in);
	*ret_n = room_bytes - z->avail_out;
	if (result == Z_MEM_ERROR)
		mem_exhausted();
	if (result == Z_STREAM_END)
		decode->state = BETWEEN;
	return result == Z_OK || result == Z_STREAM_END || result == Z_BUF_ERROR;
}

/* Detects deflate's format by its first two bytes, then decodes them; does nothing until both are
 * here. */
static bool open_deflate(struct decode *decode, struct slice *input, size_t *ret_n)
{
	unsigned char two[2] = {decode->first};
	size_t have = decode->first_kept ? 1 : 0;

	while (have < 2 && input->n) {
		two[have++] = (unsigned char)input->p[0];
		*input = slice_of(input->p + 1, input->n - 1);
	}
	decode->first = two[0];
	decode->first_kept = have > 0;
	if (have < 2)
		return true;
	bool bare = (two[0] & 0x0f) != Z_DEFLATED || (two[0] << 8 | two[1]) % 31 != 0;
	struct slice begin = slice_of((const char *)two, 2);

	open_zlib(decode, bare ? -MAX_WBITS : MAX_WBITS);
	return step_zlib(decode, &begin, ret_n);
}

static bool step(struct decode *decode, struct slice *input, size_t *ret_n)
{
	if (decode->coding == ZSTD)
		return step_zstd(decode, input, ret_n);
	if (!decode->z_open)
		return open_deflate(decode, input, ret_n);
	return step_zlib(decode, input, ret_n);
}

bool decode_step(struct decode *decode, struct slice *input, struct slice *ret)
{
	/* Output that did not fit before needs no input. */
	bool more = input->n || decode->state == INSIDE, good = true;
	size_t n = 0;

	while (more && good && !n) {
		size_t before = input->n;

		good = step(decode, input, &n);
		more = input->n > 0;
		good = good && (n || !more || input->n < before);
	}
	*ret = slice_of(decode->room, n);
	return good;
}

bool decode_is_whole(const struct decode *decode)
{
	return decode->state == BETWEEN || (decode->state == BEGIN && !decode->first_kept);
}
