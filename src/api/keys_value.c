/* SPDX-License-Identifier: MIT */
/*
 * Content coding, ETags and conditions on writes; see keys_value.h.
 *
 *	If-Match: read -> ETag named? -> write only over the bytes that were read -> else read again
 *
 * Special: the ETag of a big value is the hash of its pieces' hashes, so that the fiber can yield
 * in between.
 */
#include "api/keys_value.h"

#include <string.h>

#include "api/keys.h"
#include "base/crypto.h"
#include "base/fiber.h"
#include "base/hex.h"
#include "cache/codec.h"

static size_t room_left(void *context)
{
	return reply_room(context);
}

static enum error room_claim(void *context, size_t bytes, struct fault *fault)
{
	return reply_claim(context, bytes, fault);
}

struct entry_room keys_room(struct request *request)
{
	return (struct entry_room){.left = room_left, .claim = room_claim, .context = request};
}

enum { piece_bytes = 256 * 1024, etag_bytes = 16 };

static void hash(struct slice bytes, uint8_t digest[SHA256_BYTES])
{
	struct buf digests = {0};

	if (bytes.n <= piece_bytes) {
		crypto_sha256(bytes, digest);
		return;
	}
	for (size_t at = 0; at < bytes.n; at += piece_bytes) {
		size_t n = bytes.n - at < piece_bytes ? bytes.n - at : piece_bytes;

		crypto_sha256(slice_of(bytes.p + at, n), digest);
		buf_append(&digests, digest, SHA256_BYTES);
		fiber_yield();
	}
	crypto_sha256(buf_slice(&digests), digest);
	buf_release(&digests);
}

static void make_etag(struct keys_value *value)
{
	uint8_t digest[SHA256_BYTES];
	char *to = value->etag;

	hash(value->bytes, digest);
	*to++ = '"';
	for (size_t i = 0; i < etag_bytes; i++) {
		*to++ = hex_digit(digest[i] >> 4);
		*to++ = hex_digit(digest[i] & 15);
	}
	*to++ = '"';
	*to = '\0';
}

static struct slice trim(struct slice text)
{
	while (text.n && (text.p[0] == ' ' || text.p[0] == '\t'))
		text = slice_skip(text, 1);
	while (text.n && (text.p[text.n - 1] == ' ' || text.p[text.n - 1] == '\t'))
		text.n--;
	return text;
}

/* Removes the next element from a list; false at its end. */
static bool next(struct slice *list, char separator, struct slice *ret)
{
	if (!list->p)
		return false;
	const char *end = list->n ? memchr(list->p, separator, list->n) : NULL;
	size_t n = end ? (size_t)(end - list->p) : list->n;

	*ret = trim(slice_of(list->p, n));
	*list = end ? slice_of(end + 1, list->n - n - 1) : slice_of(NULL, 0);
	return true;
}

/* Whether the parameters hold q=0, q=0.0, ... */
static bool is_refused(struct slice parameters)
{
	struct slice one;

	while (next(&parameters, ';', &one)) {
		if (one.n < 3 || (one.p[0] != 'q' && one.p[0] != 'Q') || one.p[1] != '=')
			continue;
		for (size_t i = 2; i < one.n; i++)
			if (one.p[i] != '0' && one.p[i] != '.')
				return false;
		return true;
	}
	return false;
}

/* One line of Accept-Encoding; false where it does not name zstd. */
static bool names_zstd(struct slice list, bool *ret_taken)
{
	struct slice one, coding;

	while (next(&list, ',', &one)) {
		if (!next(&one, ';', &coding) || !slice_is(coding, "zstd"))
			continue;
		*ret_taken = !is_refused(one);
		return true;
	}
	return false;
}

static bool takes_zstd(struct request *request)
{
	struct slice line;
	bool taken = false;
	size_t at = 0;

	while (request_header_line(request, "Accept-Encoding", &at, &line))
		if (names_zstd(line, &taken))
			break;
	return taken;
}

static enum error claim_value(struct request *request, const struct cache *cache,
	const struct entry *entry, struct fault *fault)
{
	size_t n = codec_value_bytes(entry->stored);

	/* Larger ones are refused before they are decompressed. */
	if (n > (size_t)cache->conf->max_value_bytes)
		return OK;
	return reply_claim(request, n, fault);
}

enum error keys_value(struct request *request, struct cache *cache, const struct entry *entry,
	struct buf *scratch, struct keys_value *ret, struct fault *fault)
{
	enum error error = OK;

	*ret = (struct keys_value){.varies = codec_is_compressed(entry->stored)};
	if (ret->varies && takes_zstd(request)) {
		ret->encoding = "zstd";
		ret->bytes = codec_frame(entry->stored);
	} else {
		/* Only the stored bytes were claimed when it was read. */
		error = claim_value(request, cache, entry, fault);
		if (!error)
			error = entry_value(cache, entry, scratch, &ret->bytes, fault);
	}
	if (!error)
		make_etag(ret);
	return error;
}

/* Whether a header that lists ETags names this one, or any. */
static bool names_etag(struct request *request, const char *header, const char *etag, bool weak)
{
	struct slice line, one;
	size_t at = 0;

	while (request_header_line(request, header, &at, &line))
		while (next(&line, ',', &one)) {
			if (weak && slice_starts(one, SLICE("W/")))
				one = slice_of(one.p + 2, one.n - 2);
			if (slice_is(one, "*") || slice_is(one, etag))
				return true;
		}
	return false;
}

bool keys_value_known(struct request *request, const struct keys_value *value)
{
	/* RFC 9110 requires the weak comparison here. */
	return names_etag(request, "If-None-Match", value->etag, true);
}

/*
 * Whether If-Match (`*`, or a list of ETags on any number of lines) names what is stored, in either
 * of its content codings: the strong comparison. Parks as keys_value().
 */
static enum error value_matches(struct request *request, struct cache *cache,
	const struct entry *entry, bool *ret, struct fault *fault)
{
	struct keys_value value = {0};
	struct buf scratch = {0};
	enum error error = entry_value(cache, entry, &scratch, &value.bytes, fault);

	*ret = false;
	if (!error) {
		make_etag(&value);
		*ret = names_etag(request, "If-Match", value.etag, false);
	}
	if (!error && !*ret && codec_is_compressed(entry->stored)) {
		value.bytes = codec_frame(entry->stored);
		make_etag(&value);
		*ret = names_etag(request, "If-Match", value.etag, false);
	}
	buf_release(&scratch);
	return error;
}

enum { tries = 8 };

enum error keys_condition_read(
	struct request *request, enum keys_condition *ret, struct fault *fault)
{
	struct slice line;
	size_t at = 0;

	*ret = KEYS_ALWAYS;
	if (request_header(request, "If-Match", &line))
		*ret = slice_is(line, "*") ? KEYS_IF_PRESENT : KEYS_IF_MATCH;
	while (request_header_line(request, "If-None-Match", &at, &line)) {
		if (*ret == KEYS_IF_PRESENT || *ret == KEYS_IF_MATCH)
			return fault_set(fault, ERR_BAD_REQUEST,
				"If-Match and If-None-Match cannot be combined");
		if (!slice_is(line, "*"))
			return fault_set(fault, ERR_BAD_REQUEST,
				"the header If-None-Match can only be * here: store only if the "
				"key is absent");
		*ret = KEYS_IF_ABSENT;
	}
	return OK;
}

enum error keys_condition_failed(enum keys_condition condition, struct fault *fault)
{
	static const char *const details[] = {
		[KEYS_IF_PRESENT] = "If-Match: * requires a value, and the key has none",
		[KEYS_IF_MATCH] = "the stored value has another ETag than If-Match names, or there "
				  "is none: read it again",
		[KEYS_IF_ABSENT] =
			"If-None-Match: * stores only if the key is absent, and it exists",
	};

	return fault_set(fault, ERR_PRECONDITION_FAILED, "%s",
		details[condition] ? details[condition]
				   : "nx=true stores only if the key is absent, and it exists");
}

static enum error changing(struct fault *fault)
{
	return fault_set(fault, ERR_CONFLICT,
		"other clients changed this key %d times while its ETag was compared; nothing "
		"was written: try again",
		tries);
}

/* Reads what is stored and compares its ETag. ERR_PRECONDITION_FAILED. Parks. */
static enum error judge(struct request *request, struct cache *cache, struct slice key,
	struct entry *entry, struct fault *fault)
{
	bool matches = false;
	enum error error = entry_read(cache, key, entry, fault);

	if (!error && entry->reply)
		error = value_matches(request, cache, entry, &matches, fault);
	return error || matches ? error : keys_condition_failed(KEYS_IF_MATCH, fault);
}

enum error keys_condition_put(struct request *request, struct cache *cache,
	struct entry_write *write, enum entry_outcome *ret, struct fault *fault)
{
	for (int i = 0; i < tries; i++) {
		struct entry entry = {0};
		enum error error = judge(request, cache, write->key, &entry, fault);

		write->expected = &entry.stored;
		if (!error)
			error = entry_write(cache, write, ret, fault);
		write->expected = NULL;
		entry_release(&entry);
		if (error || *ret != ENTRY_NOT_STORED)
			return error;
	}
	return changing(fault);
}

static enum error delete_matching(
	struct request *request, struct cache *cache, struct slice key, struct fault *fault)
{
	for (int i = 0; i < tries; i++) {
		struct entry entry = {0};
		size_t deleted = 0;
		enum error error = judge(request, cache, key, &entry, fault);

		if (!error)
			error = entry_delete_if(cache, request_identity(request)->name, key,
				entry.stored, &deleted, fault);
		entry_release(&entry);
		if (error || deleted)
			return error;
	}
	return changing(fault);
}

enum error keys_condition_delete(struct request *request, struct cache *cache, struct slice key,
	enum keys_condition condition, struct fault *fault)
{
	size_t deleted = 0;

	if (condition == KEYS_IF_MATCH)
		return delete_matching(request, cache, key, fault);
	enum error error =
		entry_delete_many(cache, request_identity(request)->name, &key, 1, &deleted, fault);
	return error || deleted ? error : keys_condition_failed(condition, fault);
}
