/* SPDX-License-Identifier: MIT */
/* The logins, in an array: there are few, and a request looks at the digests of all. */
#include "http/logins.h"

#include <assert.h>
#include <string.h>

#include "base/clock.h"
#include "base/hex.h"
#include "base/mem.h"

struct logins {
	struct login all[LOGINS_MAX];
	size_t count;
};

struct logins *logins_new(void)
{
	return mem_new(struct logins);
}

void logins_free(struct logins *logins)
{
	mem_free(logins);
}

static void random_hex(char *ret, size_t digits)
{
	uint8_t bytes[LOGIN_ID / 2];
	struct buf text = {0};

	assert(digits / 2 <= sizeof bytes);
	crypto_random(bytes, digits / 2);
	hex_encode(bytes, digits / 2, &text);
	memcpy(ret, text.p, digits + 1);
	buf_release(&text);
}

static bool has_ended(const struct login *login, int64_t now_ms)
{
	return now_ms - login->used_at_ms >= LOGIN_IDLE_MS ||
	       now_ms - login->created_at_ms >= LOGIN_AGE_MS;
}

static void forget(struct logins *logins, size_t i)
{
	logins->all[i] = logins->all[--logins->count];
}

static void forget_ended(struct logins *logins, int64_t now_ms)
{
	for (size_t i = logins->count; i-- > 0;)
		if (has_ended(&logins->all[i], now_ms))
			forget(logins, i);
}

static size_t longest_unused(const struct logins *logins)
{
	size_t found = 0;

	for (size_t i = 1; i < logins->count; i++)
		if (logins->all[i].used_at_ms < logins->all[found].used_at_ms)
			found = i;
	return found;
}

const struct login *logins_begin(struct logins *logins, const uint8_t token_sha256[SHA256_BYTES],
	int64_t now_ms, char ret_id[LOGIN_ID + 1])
{
	struct login *login;

	forget_ended(logins, now_ms);
	if (logins->count == LOGINS_MAX)
		forget(logins, longest_unused(logins));
	login = &logins->all[logins->count++];
	random_hex(ret_id, LOGIN_ID);
	random_hex(login->csrf, LOGIN_CSRF);
	crypto_sha256(slice_of(ret_id, LOGIN_ID), login->id_sha256);
	memcpy(login->token_sha256, token_sha256, SHA256_BYTES);
	login->created_at_ms = login->used_at_ms = now_ms;
	login->begun_wall_ms = clock_wall_ms();
	return login;
}

const struct login *logins_find(struct logins *logins, struct slice id, int64_t now_ms, bool use)
{
	uint8_t digest[SHA256_BYTES];
	struct login *found = NULL;

	if (id.n != LOGIN_ID)
		return NULL;
	crypto_sha256(id, digest);
	for (size_t i = 0; i < logins->count; i++)
		if (crypto_equal(logins->all[i].id_sha256, digest, SHA256_BYTES))
			found = &logins->all[i];
	if (!found || has_ended(found, now_ms))
		return NULL;
	if (use)
		found->used_at_ms = now_ms;
	return found;
}

void logins_end(struct logins *logins, const struct login *login)
{
	assert(login >= logins->all && login < logins->all + logins->count);
	forget(logins, (size_t)(login - logins->all));
}

/* RFC 6265, 4.2.1: cookies are separated by "; ". Spaces around a pair do not count. */
bool logins_cookie(struct slice header, struct slice name, size_t *at, struct slice *ret)
{
	while (*at < header.n) {
		struct slice rest = slice_skip(header, *at);
		const char *end = memchr(rest.p, ';', rest.n);
		struct slice pair = slice_of(rest.p, end ? (size_t)(end - rest.p) : rest.n);

		*at += pair.n + 1;
		while (pair.n && pair.p[0] == ' ')
			pair = slice_skip(pair, 1);
		if (pair.n > name.n && pair.p[name.n] == '=' && slice_starts(pair, name)) {
			*ret = slice_skip(pair, name.n + 1);
			while (ret->n && ret->p[ret->n - 1] == ' ')
				ret->n--;
			return true;
		}
	}
	return false;
}
