/* SPDX-License-Identifier: MIT */
/* Parses the target: one pass checks it, one splits and decodes it in place. */
#include "http/uri.h"

#include <string.h>

#include "text/field.h"
#include "text/percent.h"

static enum error check_bytes(const char *text, size_t n, struct fault *fault)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c <= ' ' || c >= 0x7f || c == '#')
			return fault_set(fault, ERR_BAD_REQUEST,
				"byte %zu of the target is 0x%02x, which must be percent-encoded",
				i, c);
	}
	return OK;
}

/*
 * Decodes the part in place. A NUL is refused in a query, where no parameter needs one; a key in a
 * path may contain any byte.
 */
static enum error decode(struct slice *part, bool query, struct fault *fault)
{
	if (!percent_decode((char *)part->p, &part->n, query ? PERCENT_FORM : 0))
		return fault_set(fault, ERR_BAD_REQUEST,
			"a %% in the target is not followed by two hex digits: write it as %%25");
	if (query && memchr(part->p, '\0', part->n))
		return fault_set(fault, ERR_BAD_REQUEST,
			"the query contains %%00, which no parameter accepts");
	return OK;
}

/* `path` follows the leading slash. */
static enum error split_path(struct slice path, struct uri *ret, struct fault *fault)
{
	for (;;) {
		const char *slash = path.n ? memchr(path.p, '/', path.n) : NULL;
		struct slice part = slice_of(path.p, slash ? (size_t)(slash - path.p) : path.n);
		enum error error;

		if (ret->segment_count == URI_MAX_SEGMENTS)
			return fault_set(fault, ERR_NOT_FOUND, "no path has more than %d segments",
				URI_MAX_SEGMENTS);
		path = slice_skip(path, part.n);
		error = decode(&part, false, fault);
		if (error)
			return error;
		ret->segments[ret->segment_count++] = part;
		if (!slash)
			return OK;
		path = slice_skip(path, 1);
	}
}

static enum error add_parameter(struct slice pair, struct uri *ret, struct fault *fault)
{
	const char *equals = memchr(pair.p, '=', pair.n);
	size_t name_n = equals ? (size_t)(equals - pair.p) : pair.n;
	struct slice name = slice_of(pair.p, name_n);
	struct slice value = slice_of(slice_end(pair), 0);
	enum error error;

	if (equals)
		value = slice_of(equals + 1, pair.n - name_n - 1);
	error = decode(&name, true, fault);
	if (!error)
		error = decode(&value, true, fault);
	if (error)
		return error;
	if (ret->parameter_count == URI_MAX_PARAMETERS)
		return fault_set(fault, ERR_BAD_PARAMETER, "more than %d query parameters",
			URI_MAX_PARAMETERS);
	for (size_t i = 0; i < ret->parameter_count; i++)
		if (slice_equal(ret->parameters[i].name, name))
			return fault_set(fault, ERR_BAD_PARAMETER,
				"the query parameter %.*s is given twice", (int)name.n, name.p);
	ret->parameters[ret->parameter_count++] = (struct uri_parameter){name, value};
	return OK;
}

static enum error split_query(struct slice query, struct uri *ret, struct fault *fault)
{
	while (query.n > 0) {
		const char *and = memchr(query.p, '&', query.n);
		size_t n = and? (size_t)(and-query.p) : query.n;
		struct slice pair = slice_of(query.p, n);
		enum error error = OK;

		n += and != NULL;
		query = slice_skip(query, n);
		if (pair.n > 0)
			error = add_parameter(pair, ret, fault);
		if (error)
			return error;
	}
	return OK;
}

/* Removes "http://HOST" from the target; the rest begins with / or ?, or is empty. */
static bool take_authority(struct slice *target, struct slice *ret)
{
	static const struct slice schemes[] = {SLICE("http://"), SLICE("https://")};

	for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
		size_t n = schemes[i].n;

		if (target->n < n || !field_equal(slice_of(target->p, n), schemes[i]))
			continue;
		while (n < target->n && target->p[n] != '/' && target->p[n] != '?')
			n++;
		*ret = slice_of(target->p + schemes[i].n, n - schemes[i].n);
		*target = slice_of(target->p + n, target->n - n);
		return true;
	}
	return false;
}

enum error uri_parse(char *text, size_t n, struct uri *ret, struct fault *fault)
{
	struct slice target = slice_of(text, n), path;
	const char *question;
	enum error error;

	ret->segment_count = ret->parameter_count = 0;
	ret->authority = slice_of(NULL, 0);
	if (n > URI_MAX_BYTES)
		return fault_set(fault, ERR_URI_TOO_LONG,
			"the target has %zu bytes, the limit is %d", n, URI_MAX_BYTES);
	error = check_bytes(text, n, fault);
	if (error)
		return error;
	if (!take_authority(&target, &ret->authority) && (n == 0 || text[0] != '/'))
		return fault_set(fault, ERR_BAD_REQUEST,
			"the target must be a path that begins with /, or http://HOST and a path");
	question = target.n ? memchr(target.p, '?', target.n) : NULL;
	path = slice_of(target.p, question ? (size_t)(question - target.p) : target.n);
	/* http://HOST alone stands for its path /. */
	if (path.n)
		path = slice_of(path.p + 1, path.n - 1);
	error = split_path(path, ret, fault);
	if (!error && question)
		error = split_query(
			slice_of(question + 1, (size_t)(target.p + target.n - question) - 1), ret,
			fault);
	return error;
}

const struct uri_parameter *uri_parameter(const struct uri *uri, const char *name)
{
	for (size_t i = 0; i < uri->parameter_count; i++)
		if (slice_is(uri->parameters[i].name, name))
			return &uri->parameters[i];
	return NULL;
}
