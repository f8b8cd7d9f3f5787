/* SPDX-License-Identifier: MIT */
/*
 * A request's target, split and percent-decoded once, by lengths and strictly.
 *
 *	/api/v1/cache/keys/a%2Fb?ttl=60  ->  segments api, v1, cache, keys, a/b; ttl = 60
 *
 * Origin-form and absolute-form are accepted. A segment has no meaning beyond its bytes: `..` is a
 * name like any other, and an encoded slash does not split.
 */
#ifndef CW_HTTP_URI_H
#define CW_HTTP_URI_H

#include "base/buf.h"
#include "base/fault.h"

enum { URI_MAX_BYTES = 4096, URI_MAX_SEGMENTS = 16, URI_MAX_PARAMETERS = 32 };

struct uri_parameter {
	struct slice name;
	struct slice value;
};

/* Slices lie in the parsed text. */
struct uri {
	struct slice authority; /* of absolute-form: host[:port]; p is NULL otherwise */
	struct slice segments[URI_MAX_SEGMENTS];
	size_t segment_count; /* "/" has one, which is empty */
	struct uri_parameter parameters[URI_MAX_PARAMETERS];
	size_t parameter_count;
};

/*
 * Decodes `text` in place, so that it cannot be used otherwise afterwards. ERR_URI_TOO_LONG;
 * ERR_NOT_FOUND for more segments than any route has; ERR_BAD_REQUEST for another form, a byte that
 * may not stand in a target, a bad escape or an encoded NUL in the query; ERR_BAD_PARAMETER for too
 * many parameters or one given twice.
 */
enum error uri_parse(char *text, size_t n, struct uri *ret, struct fault *fault);

/* NULL if there is none of that name. */
const struct uri_parameter *uri_parameter(const struct uri *uri, const char *name);

#endif
