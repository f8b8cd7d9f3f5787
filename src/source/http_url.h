/* SPDX-License-Identifier: MIT */
/* Inside of source/: addresses for requests, and for messages. */
#ifndef CW_SOURCE_HTTP_URL_H
#define CW_SOURCE_HTTP_URL_H

#include "source/source.h"

enum { HTTP_SHOWN_BYTES = 201 };

/*
 * Fills *ret with base_url and path, the call's parameters and the page's number in it.
 * ERR_BAD_PARAMETER where a value is missing or would leave its segment of the path.
 */
enum error http_url_make(
	const struct source_call *call, int64_t page, struct buf *ret, struct fault *fault);
/*
 * Replaces *url by the next page, as `next` names it: an address, which may be relative, or the
 * value of the query's parameter conf->pages_parameter. ERR_SOURCE_FAILED where it cannot be read
 * or is on another server than base_url, which must not get the headers.
 */
enum error http_url_next(
	const struct conf_source *conf, struct slice next, struct buf *url, struct fault *fault);
/* For messages and logs: without credentials, query and fragment, cut, in printable bytes. */
void http_show(const char *url, char ret[static HTTP_SHOWN_BYTES]);

#endif
