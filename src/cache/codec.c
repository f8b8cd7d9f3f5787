/* SPDX-License-Identifier: MIT */
/*
 * zstd around values; see codec.h.
 *
 *	small:	the caller's own turn
 *	big:	struct work (a copy of the bytes) -> thread pool -> wakes the fiber that waits
 *
 * Special: a work whose fiber was cancelled is freed by its own callback.
 */
#include "cache/codec.h"

#include <string.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "base/fiber.h"
#include "base/mem.h"

enum {
	level = 3,
	quick_level = 1,
	pool_above = 128 * 1024,
	magic_bytes = 4,
};

static const struct slice header = {"\x50\x2a\x4d\x18\x04\0\0\0cw01", 12};
static const char zstd_magic[] = "\x28\xb5\x2f\xfd";

struct work {
	uv_work_t uv;
	struct buf in, out; /* `out` has the room that is needed */
	size_t room;
	bool compress;
	size_t result; /* zstd's */
	struct fiber *waiter;
	bool done, abandoned;
};

bool codec_is_compressed(struct slice stored)
{
	return slice_starts(stored, header);
}

struct slice codec_frame(struct slice stored)
{
	return slice_skip(stored, header.n);
}

static void work_free(struct work *work)
{
	buf_release(&work->in);
	buf_release(&work->out);
	mem_free(work);
}

static void work_run(uv_work_t *uv)
{
	struct work *work = uv->data;

	work->result =
		work->compress
			? ZSTD_compress(work->out.p, work->room, work->in.p, work->in.n, level)
			: ZSTD_decompress(work->out.p, work->room, work->in.p, work->in.n);
}

static void work_done(uv_work_t *uv, int status)
{
	struct work *work = uv->data;

	(void)status;
	work->done = true;
	if (work->abandoned)
		work_free(work);
	else if (work->waiter)
		fiber_wake(work->waiter);
}

/* zstd's answer for `in`, whose bytes are then in *out (released by the caller). Parks. */
static enum error in_pool(
	struct loop *loop, bool compress, struct slice in, size_t room, struct work **ret)
{
	struct work *work = mem_new(struct work);
	enum error error = OK;

	work->uv.data = work;
	work->compress = compress;
	work->room = room;
	buf_add(&work->in, in);
	buf_reserve(&work->out, room);
	uv_queue_work(loop_uv(loop), &work->uv, work_run, work_done);
	work->waiter = fiber_current();
	while (!work->done && !error)
		error = fiber_park("zstd in the thread pool", DEADLINE_NONE);
	work->waiter = NULL;
	if (!work->done) {
		work->abandoned = true;
		return error;
	}
	*ret = work;
	return OK;
}

/* Out of memory in zstd is out of memory here. */
static bool succeeded(size_t result)
{
	if (!ZSTD_isError(result))
		return true;
	if (ZSTD_getErrorCode(result) == ZSTD_error_memory_allocation)
		mem_exhausted();
	return false;
}

/* Appends header and frame to `out`, unless that saves nothing. */
static bool compress_here(struct slice value, bool always, struct buf *out)
{
	size_t room = ZSTD_compressBound(value.n);
	char *to = buf_reserve(out, header.n + room);
	size_t n =
		ZSTD_compress(to + header.n, room, value.p, value.n, always ? quick_level : level);

	if (!succeeded(n) || (!always && header.n + n >= value.n))
		return false;
	memcpy(to, header.p, header.n);
	out->n += header.n + n;
	return true;
}

static bool compress_in_pool(struct loop *loop, struct slice value, bool always, struct buf *out)
{
	struct work *work;

	/* Cancelled: what must be compressed still is. */
	if (in_pool(loop, true, value, ZSTD_compressBound(value.n), &work))
		return always && compress_here(value, always, out);
	bool kept = succeeded(work->result) && (always || header.n + work->result < value.n);
	if (kept) {
		buf_add(out, header);
		buf_append(out, work->out.p, work->result);
	}
	work_free(work);
	return kept;
}

bool codec_compress(struct loop *loop, struct slice value, struct buf *out)
{
	bool always = codec_is_compressed(value);

	if (value.n <= pool_above || !fiber_current())
		return compress_here(value, always, out);
	return compress_in_pool(loop, value, always, out);
}

/* The value's size, after all that can be told before decompressing. */
static enum error check_frame(
	struct slice frame, int64_t max_bytes, size_t *ret_size, struct fault *fault)
{
	if (frame.n < magic_bytes || memcmp(frame.p, zstd_magic, magic_bytes) != 0 ||
		ZSTD_findFrameCompressedSize(frame.p, frame.n) != frame.n)
		return fault_set(fault, ERR_CORRUPT_VALUE,
			"the stored value begins like a compressed one, but is not a complete zstd "
			"frame: "
			"delete the key");
	unsigned long long size = ZSTD_getFrameContentSize(frame.p, frame.n);

	if (size == ZSTD_CONTENTSIZE_UNKNOWN || size == ZSTD_CONTENTSIZE_ERROR)
		return fault_set(fault, ERR_CORRUPT_VALUE,
			"the stored zstd frame does not contain its size: delete the key");
	if (size > (unsigned long long)max_bytes)
		return fault_set(fault, ERR_CORRUPT_VALUE,
			"the stored zstd frame would give %llu bytes; at most %lld are taken "
			"(cache.max_value_bytes)",
			size, (long long)max_bytes);
	*ret_size = (size_t)size;
	return OK;
}

size_t codec_value_bytes(struct slice stored)
{
	if (!codec_is_compressed(stored))
		return stored.n;
	struct slice frame = codec_frame(stored);
	unsigned long long size = ZSTD_getFrameContentSize(frame.p, frame.n);

	return size == ZSTD_CONTENTSIZE_UNKNOWN || size == ZSTD_CONTENTSIZE_ERROR ? 0
										  : (size_t)size;
}

static enum error judge(size_t result, size_t size, struct fault *fault)
{
	if (succeeded(result) && result == size)
		return OK;
	return fault_set(fault, ERR_CORRUPT_VALUE,
		"the stored zstd frame is damaged (%s): delete the key",
		ZSTD_isError(result) ? ZSTD_getErrorName(result)
				     : "its size is not the stated one");
}

static enum error decompress_here(
	struct slice frame, size_t size, struct buf *out, struct fault *fault)
{
	size_t n = ZSTD_decompress(buf_reserve(out, size), size, frame.p, frame.n);
	enum error error = judge(n, size, fault);

	if (!error)
		out->n += n;
	return error;
}

enum error codec_decompress(struct loop *loop, struct slice stored, int64_t max_bytes,
	struct buf *out, struct fault *fault)
{
	struct slice frame = codec_frame(stored);
	struct work *work;
	size_t size = 0;
	enum error error = check_frame(frame, max_bytes, &size, fault);

	if (error)
		return error;
	if (size <= pool_above || !fiber_current())
		return decompress_here(frame, size, out, fault);
	error = in_pool(loop, false, frame, size, &work);
	if (error)
		return fault_set(fault, error, "cancelled while a value was decompressed");
	error = judge(work->result, size, fault);
	if (!error)
		buf_append(out, work->out.p, work->result);
	work_free(work);
	return error;
}
