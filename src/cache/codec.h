/* SPDX-License-Identifier: MIT */
/*
 * Compression of values, invisible to clients that read through cachewarden.
 *
 *	stored = skippable frame (magic 0x184D2A50, 4 bytes: "cw01"), zstd frame
 *
 * `zstd -d` reads what is stored (RFC 8878, 3.1.2). Only what begins with that frame is ever
 * decompressed, whatever the setting is now; all else is the value itself.
 */
#ifndef CW_CACHE_CODEC_H
#define CW_CACHE_CODEC_H

#include "base/buf.h"
#include "base/fault.h"
#include "base/loop.h"

/* Whether the stored bytes are compressed. */
bool codec_is_compressed(struct slice stored);
/*
 * Appends what is to be stored for `value` where that is smaller, else nothing. Says which. A value
 * that could itself be taken for compressed bytes is always wrapped, larger or not. Values beyond
 * 128 KiB are compressed in the thread pool: Parks then.
 */
bool codec_compress(struct loop *loop, struct slice value, struct buf *out);
/*
 * Appends the value of compressed bytes. Never writes more than max_bytes: ERR_CORRUPT_VALUE where
 * the frame is damaged, tells no size, or would be larger. Parks as above.
 */
enum error codec_decompress(struct loop *loop, struct slice stored, int64_t max_bytes,
	struct buf *out, struct fault *fault);
/*
 * How many bytes the value of what is stored has, told without decompressing it; 0 where a
 * compressed one does not tell.
 */
size_t codec_value_bytes(struct slice stored);
/* The zstd frame within compressed bytes, for Accept-Encoding: zstd. */
struct slice codec_frame(struct slice stored);

#endif
