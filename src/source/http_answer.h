/* SPDX-License-Identifier: MIT */
/* Inside of source/: what the status and headers of a response mean. */
#ifndef CW_SOURCE_HTTP_ANSWER_H
#define CW_SOURCE_HTTP_ANSWER_H

#include <curl/curl.h>

#include "source/decode.h"
#include "source/transport.h"

enum http_answer {
	HTTP_ROWS,    /* the body is the document */
	HTTP_NOTHING, /* 204, 205, 404, 410: there is no document */
	HTTP_REFUSED, /* about this request: other 3xx and 4xx */
	HTTP_FAILED,  /* the source does not work: 5xx, 401, 408, 429, partial content */
};
enum http_answer http_answer_of(long status);

struct http_said {
	CURL *easy; /* its head was received */
	const char *url;
	long status;
	bool lookup;
};

/*
 * The error of a status without rows: ERR_NO_VALUE for a lookup that found nothing, else
 * ERR_SOURCE_FAILED. Sets in `transport` whether it counts against the source and when to retry.
 * The target of a redirect is an aside.
 */
enum error http_answer_failed(
	const struct http_said *said, struct transport *transport, struct fault *fault);
/* *ret = the decoder of the content coding; NULL: there is none. ERR_SOURCE_FAILED: an unknown one.
 */
enum error http_answer_coding(
	const struct http_said *said, struct decode **ret, struct fault *fault);

/* Where the headers Link say that the next page is; *ret stays as it is if they do not. */
void http_answer_next(const struct http_said *said, struct buf *ret);
/* The header ETag; "" = none, or too long a one. */
void http_answer_etag(const struct http_said *said, char ret[SOURCE_ETAG_BYTES]);

#endif
