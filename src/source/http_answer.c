/* SPDX-License-Identifier: MIT */
/* What the head of a response means; see http_answer.h. */
#include "source/http_answer.h"

#include <string.h>

#include "source/http_link.h"
#include "source/http_url.h"

enum { max_retry_s = 7 * 86400 };

enum http_answer http_answer_of(long status)
{
	switch (status) {
	case 202: /* not ready yet */
	case 206: /* a part, which was not asked for */
	case 226: /* a difference, likewise */
	case 401: /* independent of the path */
	case 408:
	case 429:
		return HTTP_FAILED;
	case 204:
	case 205:
	case 404:
	case 410:
		return HTTP_NOTHING;
	default:
		return status / 100 == 2			? HTTP_ROWS
		       : status / 100 == 3 || status / 100 == 4 ? HTTP_REFUSED
								: HTTP_FAILED;
	}
}

static const char *meaning_of(long status)
{
	switch (status) {
	case 202:
		return ", which has no rows yet";
	case 206:
	case 226:
		return ", which is only a part of the document";
	default:
		return "";
	}
}

static void tell_location(const struct http_said *said, struct fault *fault)
{
	char *location = NULL;
	char shown[HTTP_SHOWN_BYTES];

	curl_easy_getinfo(said->easy, CURLINFO_REDIRECT_URL, &location);
	if (!location)
		return;
	http_show(location, shown);
	fault_aside(fault, "; this one points to %s: use that address as base_url", shown);
}

/* In seconds, also if it was sent as a date. */
static int64_t retry_after(const struct http_said *said)
{
	curl_off_t after = 0;

	curl_easy_getinfo(said->easy, CURLINFO_RETRY_AFTER, &after);
	return after < 0 ? 0 : after > max_retry_s ? max_retry_s : (int64_t)after;
}

enum error http_answer_failed(
	const struct http_said *said, struct transport *transport, struct fault *fault)
{
	enum http_answer answer = http_answer_of(said->status);
	int64_t after = retry_after(said);
	char url[HTTP_SHOWN_BYTES];

	http_show(said->url, url);
	transport->answered = answer != HTTP_FAILED;
	transport->retry_after_ms = after * 1000;
	if (said->lookup && answer == HTTP_NOTHING)
		return fault_set(fault, ERR_NO_VALUE, "GET %s answered %ld", url, said->status);
	if (after)
		return fault_set(fault, ERR_SOURCE_FAILED,
			"GET %s answered %ld with Retry-After: %lld", url, said->status,
			(long long)after);
	bool redirect = said->status / 100 == 3;
	fault_set(fault, ERR_SOURCE_FAILED, "GET %s answered %ld%s%s", url, said->status,
		meaning_of(said->status), redirect ? "; redirects are not followed" : "");
	if (redirect)
		tell_location(said, fault);
	return ERR_SOURCE_FAILED;
}

enum error http_answer_coding(
	const struct http_said *said, struct decode **ret, struct fault *fault)
{
	struct curl_header *header;
	char url[HTTP_SHOWN_BYTES];

	if (curl_easy_header(said->easy, "Content-Encoding", 0, CURLH_HEADER, -1, &header) !=
		CURLHE_OK)
		return OK;
	if (header->amount == 1 && decode_new(slice_str(header->value), ret))
		return OK;
	http_show(said->url, url);
	return fault_set(fault, ERR_SOURCE_FAILED,
		"GET %s answered with Content-Encoding: %.60s%s; supported are gzip, "
		"deflate and zstd, one at a time",
		url, header->value, header->amount > 1 ? ", ..." : "");
}

void http_answer_etag(const struct http_said *said, char ret[SOURCE_ETAG_BYTES])
{
	struct curl_header *header;

	ret[0] = '\0';
	if (curl_easy_header(said->easy, "ETag", 0, CURLH_HEADER, -1, &header) == CURLHE_OK &&
		header->amount == 1 && strlen(header->value) < SOURCE_ETAG_BYTES)
		memcpy(ret, header->value, strlen(header->value) + 1);
}

void http_answer_next(const struct http_said *said, struct buf *ret)
{
	struct curl_header *header;
	struct slice target;

	for (size_t i = 0;
		curl_easy_header(said->easy, "Link", i, CURLH_HEADER, -1, &header) == CURLHE_OK;
		i++) {
		if (!http_link_next(slice_str(header->value), &target))
			continue;
		buf_add(ret, target);
		return;
	}
}
