/* SPDX-License-Identifier: MIT */
/*
 * Tags named by headers, as CDNs do:
 *
 *	Surrogate-Key: a b	separated by blanks
 *	Cache-Tag: a, b		separated by commas, blanks or both
 *
 * Each header may stand on several lines. %XX in a tag is decoded, so that it may hold what
 * separates tags, and any script.
 */
#ifndef CW_API_HEADER_TAGS_H
#define CW_API_HEADER_TAGS_H

#include "api/body.h"
#include "http/request.h"

/*
 * Appends the tags of both headers to `ret`, which is the caller's to release, also after an error:
 * ERR_BAD_REQUEST where one is not a tag, or where there are more than `most`. *ret_header: a
 * header that was there, NULL = none was.
 */
enum error header_tags(const struct request *request, size_t most, struct body_list *ret,
	const char **ret_header, struct fault *fault);

#endif
