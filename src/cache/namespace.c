/* SPDX-License-Identifier: MIT */
/* Keys to namespaces; see namespace.h. */
#include "cache/namespace.h"

#include <string.h>

#include "base/utf8.h"

enum {
	id_bytes = 64,	      /* longer segments are ids */
	mixed_id_bytes = 16,  /* with letters and digits */
	hex_id_digits = 8,    /* of which at least one is a digit */
	mostly_digits_at = 4, /* digits, and half of the segment */
};

const char *namespace_kind_name(enum namespace_kind kind)
{
	static const char *const names[] = {"configured", "detected", "own", "unmatched"};

	return names[kind];
}

/* What a segment is made of. */
struct makeup {
	size_t digits, letters, hex, dashes;
	bool binary, address;
};

static struct makeup look_at(struct slice segment)
{
	struct makeup made = {.binary = !utf8_valid(segment)};

	for (size_t i = 0; i < segment.n; i++) {
		unsigned char c = (unsigned char)segment.p[i], lower = c | 0x20;

		if (c >= '0' && c <= '9')
			made.digits++;
		else if (lower >= 'a' && lower <= 'z')
			made.letters++;
		made.hex += (c >= '0' && c <= '9') || (lower >= 'a' && lower <= 'f');
		made.dashes += c == '-';
		made.address = made.address || c == '@';
		made.binary = made.binary || c < ' ' || c == 0x7f;
	}
	return made;
}

/* The hash tag of a cluster is not part of the word or id. */
static struct slice without_braces(struct slice segment)
{
	if (segment.n > 2 && segment.p[0] == '{' && segment.p[segment.n - 1] == '}')
		return slice_of(segment.p + 1, segment.n - 2);
	return segment;
}

bool namespace_is_id(struct slice segment)
{
	struct slice text = without_braces(segment);
	struct makeup made = look_at(text);

	if (text.n == 0 || made.binary || made.address || text.n > id_bytes)
		return true;
	if (slice_is(text, "*") || made.digits == text.n)
		return true;
	if (made.digits >= mostly_digits_at && 2 * made.digits >= text.n)
		return true;
	if (made.digits && made.hex >= hex_id_digits && made.hex + made.dashes == text.n)
		return true;
	return made.digits && made.letters && text.n >= mixed_id_bytes;
}

/* Takes the next segment off *left; false if there is no separator behind it. */
static bool next_segment(struct slice *left, struct slice separator, struct slice *ret)
{
	const char *at = left->n ? memmem(left->p, left->n, separator.p, separator.n) : NULL;

	*ret = slice_of(left->p, at ? (size_t)(at - left->p) : left->n);
	*left = at ? slice_skip(*left, ret->n + separator.n) : slice_of(slice_end(*left), 0);
	return at;
}

static enum namespace_kind detect(
	const struct conf_sampling *sampling, struct slice key, struct buf *name)
{
	struct slice separator = slice_str(sampling->separator), left = key, segment;
	bool more = true, after_id = false;
	int64_t words = 0;

	for (size_t i = 0; more && i < NAMESPACE_SEGMENTS; i++) {
		bool room = words < sampling->depth && i + 1 < NAMESPACE_SEGMENTS;

		more = next_segment(&left, separator, &segment);
		if (!more && i == 0)
			return NAMESPACE_UNMATCHED;
		if (i)
			buf_add(name, separator);
		bool id = namespace_is_id(segment) || (!more && !after_id) || !room ||
			  name->n + segment.n + separator.n + 1 >= NAMESPACE_NAME_BYTES;

		/* What follows the words that count is one `*`, however long it is. */
		more = more && room && name->n + 2 * (separator.n + 1) < NAMESPACE_NAME_BYTES;
		if (id)
			buf_char(name, '*');
		else
			buf_add(name, segment);
		words += !id;
		after_id = after_id || id;
	}
	return NAMESPACE_DETECTED;
}

enum namespace_kind namespace_of(const struct conf *conf, struct slice key, struct buf *name)
{
	struct slice own = slice_str(conf->redis.own_prefix);

	buf_clear(name);
	if (slice_starts(key, own)) {
		buf_add(name, own);
		return NAMESPACE_OWN;
	}
	const struct conf_namespace *configured = conf_namespace(conf, key);

	if (configured) {
		buf_add(name, configured->prefix);
		return NAMESPACE_CONFIGURED;
	}
	return detect(&conf->sampling, key, name);
}

bool namespace_widen(struct slice name, struct slice separator, size_t i, struct buf *ret)
{
	struct slice left = name, segment;
	bool more = true;

	for (size_t at = 0; more; at++) {
		more = next_segment(&left, separator, &segment);
		if (at < i)
			continue;
		if (slice_is(segment, "*"))
			return false;
		buf_clear(ret);
		buf_append(ret, name.p, (size_t)(segment.p - name.p));
		buf_char(ret, '*');
		buf_append(ret, slice_end(segment), (size_t)(slice_end(name) - slice_end(segment)));
		return true;
	}
	return false;
}
