/* SPDX-License-Identifier: MIT */
/* Inside of source/: what an answer's status and headers say. */
#ifndef CW_SOURCE_HTTP_ANSWER_H
#define CW_SOURCE_HTTP_ANSWER_H

#include <curl/curl.h>

#include "source/decode.h"
#include "source/transport.h"

enum http_answer {
	HTTP_ROWS,    /* the body is the document */
	HTTP_NOTHING, /* 204, 205, 404, 410: there is none */
	HTTP_REFUSED, /* about this request: other 3xx and 4xx */
	HTTP_FAILED,  /* the source does not work as it should: 5xx, 401, 408, 429, parts */
};
enum http_answer http_answer_of(long status);

struct http_said {
	CURL *easy; /* its head has come */
	const char *url;
	long status;
	bool lookup;
};

/*
 * The error that a status without rows is: ERR_NO_VALUE for a lookup of what is not there, else
 * ERR_SOURCE_FAILED. Tells `transport` whether it counts against the source and when to try again.
 * Where a redirect leads to is an aside.
 */
enum error http_answer_failed(
	const struct http_said *said, struct transport *transport, struct fault *fault);
/* *ret = what undoes the content coding; NULL: there is none. ERR_SOURCE_FAILED: an unknown one. */
enum error http_answer_coding(
	const struct http_said *said, struct decode **ret, struct fault *fault);

#endif
