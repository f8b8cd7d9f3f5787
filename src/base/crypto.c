/* SPDX-License-Identifier: MIT */
/* SHA-256, random bytes, comparison; see crypto.h. */
#include "base/crypto.h"

#include <errno.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

void crypto_sha256(struct slice data, uint8_t digest[SHA256_BYTES])
{
	/* It fails only where the library is broken; going on with an unset digest would open
	 * doors. */
	if (gnutls_hash_fast(GNUTLS_DIG_SHA256, data.p, data.n, digest) != 0)
		abort();
}

void crypto_hmac_sha256(struct slice key, struct slice data, uint8_t digest[SHA256_BYTES])
{
	if (gnutls_hmac_fast(GNUTLS_MAC_SHA256, key.p, key.n, data.p, data.n, digest) != 0)
		abort();
}

void crypto_random(void *p, size_t n)
{
	uint8_t *to = p;

	while (n > 0) {
		ssize_t got = getrandom(to, n, 0);

		if (got < 0) {
			if (errno != EINTR)
				abort();
			continue;
		}
		to += got;
		n -= (size_t)got;
	}
}

bool crypto_equal(const void *a, const void *b, size_t n)
{
	return n == 0 || gnutls_memcmp(a, b, n) == 0;
}
