/* SPDX-License-Identifier: MIT */
/* SHA-256, HMAC, random bytes and comparison in constant time, from GnuTLS and the system. */
#ifndef CW_BASE_CRYPTO_H
#define CW_BASE_CRYPTO_H

#include "base/buf.h"

enum { SHA256_BYTES = 32, SHA256_HEX = 64 };

void crypto_sha256(struct slice data, uint8_t digest[SHA256_BYTES]);
void crypto_hmac_sha256(struct slice key, struct slice data, uint8_t digest[SHA256_BYTES]);
/* From the operating system's generator. */
void crypto_random(void *p, size_t n);
/* In constant time. */
bool crypto_equal(const void *a, const void *b, size_t n);

#endif
