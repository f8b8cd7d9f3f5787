/* SPDX-License-Identifier: MIT */
/*
 * Tags named by headers, as CDNs do:
 *
 *	Surrogate-Key: a b	separated by blanks
 *	Cache-Tag: a, b		separated by commas, blanks or both
 *
 * Each header may occur several times. %XX in a tag is decoded, so that a tag may hold separators
 * and any script.
 */
#ifndef CW_API_HEADER_TAGS_H
#define CW_API_HEADER_TAGS_H

#include "api/body.h"
#include "http/request.h"

/*
 * The tags of both headers, in the request's arena; `ret` is empty before. ERR_BAD_REQUEST if one
 * is not a tag, or if there are more than `most`. *ret_header: the name of a header that is
 * present, NULL = none.
 */
enum error header_tags(struct request *request, size_t most, struct body_list *ret,
	const char **ret_header, struct fault *fault);

#endif
