/* SPDX-License-Identifier: MIT */
/* Base64 (RFC 4648). */
#ifndef CW_BASE_BASE64_H
#define CW_BASE_BASE64_H

#include "base/buf.h"

/*
 * RFC 4648; `url` = the URL-safe alphabet without padding. Decoding is strict
 * (padding, alphabet, left-over bits); where it fails, `out` is as it was.
 */
void base64_encode(struct slice data, bool url, struct buf *out);
bool base64_decode(struct slice text, bool url, struct buf *out);

#endif
