/* SPDX-License-Identifier: MIT */
/* Key generation; see keygen.h. */
#include "cache/keygen.h"

#include <string.h>

#include "base/crypto.h"
#include "base/hex.h"
#include "text/percent.h"

enum { hash_digits = 32, digest_bytes = hash_digits / 2 };

static void add_text(struct slice text, struct buf *out)
{
	percent_encode(text, "._-", out);
}

/* One way to spell each number: no sign but -, no leading zeros, no -0. */
static bool is_integer(struct slice digits)
{
	if (digits.n > 1 && digits.p[0] == '-')
		digits = slice_skip(digits, 1);
	else if (digits.n == 1)
		return digits.p[0] >= '0' && digits.p[0] <= '9';
	for (size_t i = 0; i < digits.n; i++)
		if (digits.p[i] < '0' || digits.p[i] > '9')
			return false;
	return digits.n > 0 && digits.p[0] != '0';
}

enum error keygen_check_part(const struct keygen_part *part, struct fault *fault)
{
	if (part->kind != KEYGEN_INTEGER || is_integer(part->text))
		return OK;
	return fault_set(fault, ERR_BAD_KEY,
		"'%.*s' is not an integer as written in a key: digits, with an optional - before "
		"them",
		(int)(part->text.n < 40 ? part->text.n : 40), part->text.p);
}

static enum error add_value(const struct keygen_part *part, struct buf *out, struct fault *fault)
{
	enum error error = keygen_check_part(part, fault);

	if (error)
		return error;
	switch (part->kind) {
	case KEYGEN_TEXT:
		add_text(part->text, out);
		return OK;
	case KEYGEN_INTEGER:
		buf_add(out, part->text);
		return OK;
	case KEYGEN_TRUE:
		buf_str(out, "true");
		return OK;
	case KEYGEN_FALSE:
		buf_str(out, "false");
		return OK;
	case KEYGEN_NULL:
		buf_str(out, "null");
		return OK;
	}
	return OK;
}

/* The params by name, by insertion, for there are few. Returns how many. */
static size_t sort_params(
	const struct keygen_part *parts, size_t count, const struct keygen_part *sorted[])
{
	size_t n = 0;

	for (size_t i = 0; i < count; i++) {
		size_t at = n;

		if (!parts[i].name.p)
			continue;
		for (; at > 0 && slice_compare(sorted[at - 1]->name, parts[i].name) > 0; at--)
			sorted[at] = sorted[at - 1];
		sorted[at] = &parts[i];
		n++;
	}
	return n;
}

static enum error add_params(
	const struct keygen_part *parts, size_t count, struct buf *out, struct fault *fault)
{
	const struct keygen_part *sorted[KEYGEN_MAX_PARTS];
	size_t n = sort_params(parts, count, sorted);
	enum error error = OK;

	for (size_t i = 0; i < n && !error; i++) {
		if (i && slice_equal(sorted[i]->name, sorted[i - 1]->name))
			return fault_set(fault, ERR_BAD_KEY, "the param '%.*s' is given twice",
				(int)(sorted[i]->name.n < 40 ? sorted[i]->name.n : 40),
				sorted[i]->name.p);
		buf_char(out, ':');
		add_text(sorted[i]->name, out);
		buf_char(out, '=');
		error = add_value(sorted[i], out, fault);
	}
	return error;
}

/* `out` holds the key from `begin` on, its prefix `kept` bytes with the colon. */
static enum error shorten(struct buf *out, size_t begin, size_t kept, struct fault *fault)
{
	uint8_t digest[SHA256_BYTES];
	if (kept + 1 + hash_digits > KEYGEN_MAX_BYTES)
		return fault_set(fault, ERR_BAD_KEY,
			"the prefix has %zu bytes, which leaves no room in a key of %d: at most "
			"%d go with long parts",
			kept - 1, KEYGEN_MAX_BYTES, KEYGEN_MAX_BYTES - hash_digits - 2);
	crypto_sha256(slice_of(out->p + begin + kept, out->n - begin - kept), digest);
	out->n = begin + kept;
	buf_char(out, '#');
	hex_encode(digest, digest_bytes, out);
	return OK;
}

static enum error build(struct slice prefix, const struct keygen_part *parts, size_t count,
	struct buf *out, struct fault *fault)
{
	size_t begin = out->n;
	enum error error = OK;

	if (prefix.n == 0)
		return fault_set(fault, ERR_BAD_KEY, "the prefix is empty");
	if (count > KEYGEN_MAX_PARTS)
		return fault_set(fault, ERR_BAD_KEY, "a key has at most %d args and params",
			KEYGEN_MAX_PARTS);
	buf_add(out, prefix);
	for (size_t i = 0; i < count && !error; i++) {
		if (parts[i].name.p)
			continue;
		buf_char(out, ':');
		error = add_value(&parts[i], out, fault);
	}
	if (!error)
		error = add_params(parts, count, out, fault);
	if (error || out->n - begin <= KEYGEN_MAX_BYTES)
		return error;
	return shorten(out, begin, prefix.n + 1, fault);
}

enum error keygen_key(struct slice prefix, const struct keygen_part *parts, size_t count,
	struct buf *out, struct fault *fault)
{
	size_t before = out->n;
	enum error error = build(prefix, parts, count, out, fault);

	if (error)
		out->n = before;
	return error;
}
