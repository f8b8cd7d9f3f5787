/* SPDX-License-Identifier: MIT */
/*
 * Logins of browsers: a cookie that stands for a token, so that a page sends the token once and
 * keeps it nowhere.
 *
 * A cookie holds 256 random bits; only their SHA-256 is kept, with that of the token. Whoever asks
 * looks the token up in the configuration of the moment, so that a token which was removed or has
 * expired ends its logins. Logins are in memory only: a restart ends them all.
 */
#ifndef CW_HTTP_LOGINS_H
#define CW_HTTP_LOGINS_H

#include "base/crypto.h"

enum {
	LOGINS_MAX = 100, /* one more ends the one that was not used for the longest time */
	LOGIN_IDLE_MS = 15 * 60 * 1000,
	LOGIN_AGE_MS = 8 * 60 * 60 * 1000,
	LOGIN_ID = 64,	 /* hexadecimal digits of a cookie */
	LOGIN_CSRF = 32, /* and of what proves that a request comes from our own page */
};

/* Valid until the next call of logins_begin() or logins_end(). */
struct login {
	uint8_t id_sha256[SHA256_BYTES];
	uint8_t token_sha256[SHA256_BYTES];
	char csrf[LOGIN_CSRF + 1];
	int64_t created_at_ms, used_at_ms; /* of the monotonic clock */
	int64_t begun_wall_ms;
};

struct logins;

struct logins *logins_new(void);
void logins_free(struct logins *logins); /* may be NULL */

/* A new login with the token of that digest. */
const struct login *logins_begin(struct logins *logins, const uint8_t token_sha256[SHA256_BYTES],
	int64_t now_ms, char ret_id[LOGIN_ID + 1]);
/* The login with that id; NULL if it has ended or never was. `use` keeps it from ending as unused. */
const struct login *logins_find(struct logins *logins, struct slice id, int64_t now_ms, bool use);
void logins_end(struct logins *logins, const struct login *login);

/* Steps through the values of all cookies called `name` in a Cookie header, from *at = 0 on. */
bool logins_cookie(struct slice header, struct slice name, size_t *at, struct slice *ret);

#endif
