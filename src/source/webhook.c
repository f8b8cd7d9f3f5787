/* SPDX-License-Identifier: MIT */
/* One POST by curl; see webhook.h. */
#include "source/webhook.h"

#include "base/crypto.h"
#include "base/hex.h"
#include "source/http_multi.h"
#include "source/sources.h"

enum { connect_ms = 5000 };

/* The body of the answer is not needed. */
static size_t drop(char *p, size_t size, size_t count, void *context)
{
	(void)p, (void)context;
	return size * count;
}

static struct curl_slist *headers_of(const struct webhook_call *call)
{
	struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
	uint8_t digest[SHA256_BYTES];
	struct buf line = {0};

	/* Not asked for: a body without delay is what receivers expect. */
	headers = curl_slist_append(headers, "Expect:");
	if (!call->secret)
		return headers;
	crypto_hmac_sha256(slice_str(call->secret), call->body, digest);
	buf_str(&line, "X-Cachewarden-Signature: sha256=");
	hex_encode(digest, sizeof digest, &line);
	headers = curl_slist_append(headers, line.p);
	buf_release(&line);
	return headers;
}

static void prepare(CURL *easy, const struct webhook_call *call, struct curl_slist *headers,
	struct http_done *done, char error[static CURL_ERROR_SIZE])
{
	int64_t left = call->deadline - clock_mono_ms();

	curl_easy_setopt(easy, CURLOPT_URL, call->url);
	curl_easy_setopt(easy, CURLOPT_POST, 1L);
	curl_easy_setopt(easy, CURLOPT_POSTFIELDS, call->body.p);
	curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body.n);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, drop);
	curl_easy_setopt(easy, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)1 << 20);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, left < 1 ? 1L : (long)left);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)connect_ms);
	curl_easy_setopt(easy, CURLOPT_PRIVATE, done);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, error);
}

/* Parks until the transfer is over. */
static enum error await(struct http_done *done, int64_t deadline)
{
	enum error error = OK;

	done->waiter = fiber_current();
	/* curl ends it by its own timeout before that. */
	while (!done->over && !error)
		error = fiber_park("a webhook", deadline + 1000);
	done->waiter = NULL;
	return error;
}

static enum error judge(const struct webhook_call *call, CURL *easy, const struct http_done *done,
	const char *why, bool *ret_again, struct fault *fault)
{
	long status = 0;

	*ret_again = true;
	if (done->result != CURLE_OK)
		return fault_set(fault, ERR_SOURCE_FAILED, "POST %s: %.200s", call->url_shown,
			*why ? why : curl_easy_strerror(done->result));
	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	if (status / 100 == 2)
		return OK;
	*ret_again = status / 100 == 5 || status == 408 || status == 429;
	return fault_set(fault, ERR_SOURCE_FAILED, "POST %s was answered with status %ld%s",
		call->url_shown, status,
		status / 100 == 3 ? "; redirects are not followed: give the final address" : "");
}

enum error webhook_post(struct sources *sources, const struct webhook_call *call, bool *ret_again,
	struct fault *fault)
{
	struct curl_slist *headers = headers_of(call);
	char why[CURL_ERROR_SIZE] = "";
	struct http_done done = {0};
	CURL *easy = http_multi_easy();

	if (!sources->http)
		sources->http = http_multi_new(sources->loop);
	prepare(easy, call, headers, &done, why);
	http_multi_add(sources->http, easy);
	enum error error = await(&done, call->deadline);

	http_multi_remove(sources->http, easy);
	if (!error)
		error = judge(call, easy, &done, why, ret_again, fault);
	else
		fault_set(fault, error, "POST %s did not end in time", call->url_shown);
	curl_easy_cleanup(easy);
	curl_slist_free_all(headers);
	return error;
}
