/* SPDX-License-Identifier: MIT */
/* What cachewarden needs of cryptography, on GnuTLS: SHA-256, random bytes, comparing, base64. */
#ifndef CW_BASE_CRYPTO_H
#define CW_BASE_CRYPTO_H

#include "base/buf.h"

enum { SHA256_BYTES = 32, SHA256_HEX = 64 };

void crypto_sha256(struct slice data, uint8_t digest[SHA256_BYTES]);
/* From the operating system's generator. */
void crypto_random(void *p, size_t n);
/* Takes the same time wherever the first difference is. */
bool crypto_equal(const void *a, const void *b, size_t n);
/* Lower-case hexadecimal, and back (either case); false where it is not exactly 2n digits. */
void hex_encode(const void *p, size_t n, struct buf *out);
bool hex_decode(struct slice text, void *p, size_t n);
/*
 * RFC 4648; `url` = the URL-safe alphabet without padding. Decoding is strict
 * (padding, alphabet, left-over bits); where it fails, `out` is as it was.
 */
void base64_encode(struct slice data, bool url, struct buf *out);
bool base64_decode(struct slice text, bool url, struct buf *out);

#endif
