/* SPDX-License-Identifier: MIT */
/*
 * Inside of source/: curl's multi handle on our loop.
 *
 *	curl <-- uv_poll per socket, one uv_timer --> loop; a finished transfer wakes its fiber
 */
#ifndef CW_SOURCE_HTTP_MULTI_H
#define CW_SOURCE_HTTP_MULTI_H

#include <curl/curl.h>

#include "base/fiber.h"
#include "base/loop.h"

struct http_multi;

/* What a transfer's CURLOPT_PRIVATE points to: how it ended. */
struct http_done {
	bool over;
	CURLcode result;
	struct fiber *waiter; /* NULL = none */
};

/*
 * A handle that follows no redirect, uses no proxy and no .netrc, and speaks HTTP/1.1 alone. The
 * caller ends it by curl_easy_cleanup().
 */
CURL *http_multi_easy(void);

/* Adds the header traceparent where the fiber works for a request that belongs to a trace. */
struct curl_slist *http_multi_trace(struct curl_slist *headers);

struct http_multi *http_multi_new(struct loop *loop);
/* No transfer may be left. `multi` may be NULL. */
void http_multi_free(struct http_multi *multi);
/* Both are for fibers only: curl must not be entered from its own callbacks. */
void http_multi_add(struct http_multi *multi, CURL *easy);
void http_multi_remove(struct http_multi *multi, CURL *easy);

#endif
