/* SPDX-License-Identifier: MIT */
/*
 * Rows over HTTP: one GET, or a series of pages: numbered ones until one has no rows, no body or
 * the status 404, others as long as a page names the next.
 *
 *	curl --on_bytes--> `in` --swap--> `out` --[decode]--> view --> parser
 *
 * `in` holds 128 KiB at most; then the transfer is paused until the next read. Redirects are
 * failures: only the configured address is used.
 */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "source/http_answer.h"
#include "source/http_multi.h"
#include "source/http_url.h"
#include "source/transport.h"

enum {
	in_max_bytes = 128 * 1024,
	connect_ms = 10000,
	/* A body that comes slower for slow_seconds fails; for its beginning there is the deadline. */
	slow_bytes_per_second = 16,
	slow_seconds = 30,
};

struct http {
	struct transport transport;
	const struct source_call *call;
	struct http_multi *multi;
	CURL *easy;
	struct curl_slist *headers;
	struct http_done done;
	char error[CURL_ERROR_SIZE];
	struct buf url;
	int64_t page;
	bool linked; /* the document's address is one that another document named */

	/* of the current document */
	struct buf in, out;
	int64_t received, decoded;
	bool paused;
	bool too_much;
	bool headed;	       /* its head was checked */
	struct decode *decode; /* NULL: sent as it is */
	struct slice coded;    /* of `out`, not decoded yet */
};

static long status_of(const struct http *http)
{
	long status = 0;

	curl_easy_getinfo(http->easy, CURLINFO_RESPONSE_CODE, &status);
	return status;
}

static enum http_answer answer_of(const struct http *http, long status)
{
	/* Of a visit only the status counts. */
	return http->call->visit && status / 100 == 2 ? HTTP_ROWS : http_answer_of(status);
}

static struct http_said said_of(const struct http *http)
{
	return (struct http_said){.easy = http->easy,
		.url = http->url.p,
		.status = status_of(http),
		.lookup = http->call->lookup};
}

static enum error too_large(struct http *http, struct fault *fault)
{
	char url[HTTP_SHOWN_BYTES];

	http->transport.answered = true;
	http_show(http->url.p, url);
	return fault_set(fault, ERR_SOURCE_FAILED, "GET %s sends more than %lld bytes", url,
		(long long)transport_max_total(http->call));
}

static size_t on_bytes(char *p, size_t size, size_t count, void *context)
{
	struct http *http = context;
	size_t n = size * count;

	/* The body of an error is not needed, nor its end. */
	if (answer_of(http, status_of(http)) != HTTP_ROWS)
		return 0;
	if (http->in.n && http->in.n + n > in_max_bytes) {
		http->paused = true;
		return CURL_WRITEFUNC_PAUSE;
	}
	if (!http->received) {
		curl_easy_setopt(http->easy, CURLOPT_LOW_SPEED_LIMIT, (long)slow_bytes_per_second);
		curl_easy_setopt(http->easy, CURLOPT_LOW_SPEED_TIME, (long)slow_seconds);
	}
	http->received += (int64_t)n;
	http->too_much = http->received > transport_max_total(http->call);
	if (http->too_much)
		return 0;
	buf_append(&http->in, p, n);
	if (http->done.waiter)
		fiber_wake(http->done.waiter);
	return n;
}

static void set_limits(const struct http *http)
{
	CURL *easy = http->easy;
	int64_t deadline = http->call->deadline;
	int64_t left = deadline == DEADLINE_NONE ? INT32_MAX : deadline - clock_mono_ms();
	long ms = left < 1 ? 1 : left > INT32_MAX ? INT32_MAX : (long)left;

	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, ms);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, ms < connect_ms ? ms : (long)connect_ms);
	curl_easy_setopt(
		easy, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)transport_max_total(http->call));
}

static void set_request(struct http *http)
{
	const struct conf_source *conf = http->call->conf;

	bool own_coding = false;

	for (size_t i = 0; i < conf->header_count; i++) {
		const struct conf_header *header = &conf->headers[i];

		own_coding = own_coding || strcasecmp(header->name, "Accept-Encoding") == 0;
		char *line = mem_printf(
			*header->value ? "%s: %s" : "%s;%s", header->name, header->value);

		http->headers = curl_slist_append(http->headers, line);
		mem_free(line);
	}
	/* Not by CURLOPT_ACCEPT_ENCODING, which keeps what it decodes while the transfer is paused.
	 */
	if (!own_coding)
		http->headers =
			curl_slist_append(http->headers, "Accept-Encoding: gzip, deflate, zstd");
	if (http->call->etag) {
		char *line = mem_printf("If-None-Match: %s", http->call->etag);

		http->headers = curl_slist_append(http->headers, line);
		mem_free(line);
	}
	http->headers = http_multi_trace(http->headers);
	curl_easy_setopt(http->easy, CURLOPT_HTTPHEADER, http->headers);
	if (conf->ca)
		curl_easy_setopt(http->easy, CURLOPT_CAINFO, conf->ca);
	curl_easy_setopt(http->easy, CURLOPT_PRIVATE, &http->done);
	curl_easy_setopt(http->easy, CURLOPT_ERRORBUFFER, http->error);
	curl_easy_setopt(http->easy, CURLOPT_WRITEFUNCTION, on_bytes);
	curl_easy_setopt(http->easy, CURLOPT_WRITEDATA, http);
	curl_easy_setopt(http->easy, CURLOPT_BUFFERSIZE, 65536L);
}

/* Starts the transfer of the document at `url`. */
static void begin(struct http *http)
{
	buf_clear(&http->in);
	decode_free(http->decode);
	http->decode = NULL;
	http->coded = slice_of("", 0);
	http->received = http->decoded = 0;
	http->paused = http->too_much = http->headed = false;
	http->done = (struct http_done){0};
	http->error[0] = '\0';
	curl_easy_setopt(http->easy, CURLOPT_URL, http->url.p);
	set_limits(http);
	http_multi_add(http->multi, http->easy);
}

static void http_close(struct transport *transport)
{
	struct http *http = (struct http *)transport;

	http_multi_remove(http->multi, http->easy);
	curl_easy_cleanup(http->easy);
	curl_slist_free_all(http->headers);
	buf_release(&http->url);
	buf_release(&http->in);
	buf_release(&http->out);
	decode_free(http->decode);
	mem_free(http);
}

static enum error http_open(struct sources *sources, const struct source_call *call,
	struct transport **ret, struct fault *fault)
{
	struct http *http = mem_new(struct http);

	if (!sources->http)
		sources->http = http_multi_new(sources->loop);
	http->transport.ops = &http_transport;
	http->call = call;
	http->multi = sources->http;
	http->page = call->conf->page_from;
	http->easy = http_multi_easy();
	set_request(http);
	enum error error = http_url_make(call, http->page, &http->url, fault);
	if (error) {
		http_close(&http->transport);
		return error;
	}
	begin(http);
	*ret = &http->transport;
	return OK;
}

/* A status without rows: the end of the pages, or an error. */
static enum error nothing(struct http *http, struct slice *ret, struct fault *fault)
{
	struct http_said said = said_of(http);

	*ret = slice_of("", 0);
	/* After the first page it is the end; on the first page, or on one that another page names,
	 * it is a wrong address. */
	if (!http->call->lookup &&
		(said.status / 100 == 2 || http->page != http->call->conf->page_from))
		return OK;
	return http_answer_failed(&said, &http->transport, fault);
}

/* How the transfer ended. */
static enum error judge(struct http *http, struct fault *fault)
{
	CURLcode result = http->done.result;
	char url[HTTP_SHOWN_BYTES];

	if (result == CURLE_OK)
		return OK;
	if (http->too_much || result == CURLE_FILESIZE_EXCEEDED)
		return too_large(http, fault);
	/* curl's clock and ours may differ by a rounding. */
	if (result == CURLE_OPERATION_TIMEDOUT && clock_mono_ms() + 5 >= http->call->deadline)
		return transport_waited(ERR_TIMEOUT, "answer", fault);
	http_show(http->url.p, url);
	return fault_set(fault, ERR_SOURCE_FAILED, "GET %s: %.200s", url,
		http->error[0] ? http->error : curl_easy_strerror(result));
}

/* Continues a paused transfer; that may deliver bytes at once. */
static void resume(struct http *http)
{
	if (!http->paused)
		return;
	http->paused = false;
	CURLcode result = curl_easy_pause(http->easy, CURLPAUSE_CONT);
	if (result != CURLE_OK && !http->done.over) {
		http->done.over = true;
		http->done.result = result;
	}
}

/* Waits for bytes, or for the end of the transfer. Parks. */
static enum error await(struct http *http, struct fault *fault)
{
	enum error error = OK;

	http->done.waiter = fiber_current();
	while (!http->in.n && !http->done.over && !error)
		error = fiber_park("an HTTP source", http->call->deadline);
	http->done.waiter = NULL;
	return error ? transport_waited(error, "answer", fault) : OK;
}

/* The next bytes as they were sent; none: the transfer is over. Parks. */
static enum error read_sent(struct http *http, struct slice *ret, struct fault *fault)
{
	enum error error = await(http, fault);

	if (error)
		return error;
	struct buf filled = http->in;
	http->in = http->out;
	http->out = filled;
	buf_clear(&http->in);
	*ret = buf_slice(&http->out);
	resume(http);
	return ret->n ? OK : judge(http, fault);
}

static enum error damaged(struct http *http, const char *what, struct fault *fault)
{
	char url[HTTP_SHOWN_BYTES];

	http->transport.answered = true;
	http_show(http->url.p, url);
	return fault_set(fault, ERR_SOURCE_FAILED, "GET %s: the %s data %s", url,
		decode_name(http->decode), what);
}

/* The same, decoded. Parks. */
static enum error read_decoded(struct http *http, struct slice *ret, struct fault *fault)
{
	enum error error = OK;

	for (;;) {
		if (!decode_step(http->decode, &http->coded, ret))
			return damaged(http, "are damaged", fault);
		http->decoded += (int64_t)ret->n;
		if (http->decoded > transport_max_total(http->call))
			return too_large(http, fault);
		if (ret->n)
			return OK;
		error = read_sent(http, &http->coded, fault);
		if (error)
			return error;
		if (!http->coded.n)
			return decode_is_whole(http->decode)
				       ? OK
				       : damaged(http, "are incomplete", fault);
	}
}

/* Checks the head of a document before its first byte. */
static enum error take_head(struct http *http, struct fault *fault)
{
	struct http_said said = said_of(http);

	http->headed = true;
	if (answer_of(http, said.status) != HTTP_ROWS)
		return http_answer_failed(&said, &http->transport, fault);
	if (http->call->visit)
		return OK;
	http_answer_etag(&said, http->transport.etag);
	return http_answer_coding(&said, &http->decode, fault);
}

static enum error http_read(struct transport *transport, struct slice *ret, struct fault *fault)
{
	struct http *http = (struct http *)transport;
	enum error error = await(http, fault);
	long status = status_of(http);

	if (!error && status && answer_of(http, status) == HTTP_NOTHING)
		return nothing(http, ret, fault);
	if (!error && status == 304 && http->call->etag) {
		http->transport.unchanged = true;
		*ret = slice_of("", 0);
		return OK;
	}
	if (!error && status && !http->headed)
		error = take_head(http, fault);
	if (error)
		return error;
	return http->decode ? read_decoded(http, ret, fault) : read_sent(http, ret, fault);
}

/* Makes the next page's address, if there is one. */
static enum error next_page(struct http *http, const struct transport_document *ended,
	bool *ret_more, struct fault *fault)
{
	const struct conf_source *conf = http->call->conf;
	struct buf next = {0};

	if (conf->pages_by == PAGES_NUMBERED) {
		*ret_more = ended->rows > 0;
		http->page++;
		return *ret_more ? http_url_make(http->call, http->page, &http->url, fault) : OK;
	}
	if (conf->pages_by == PAGES_POINTER) {
		buf_add(&next, ended->next);
	} else {
		struct http_said said = said_of(http);

		http_answer_next(&said, &next);
	}
	*ret_more = http->linked = next.n > 0;
	enum error error =
		*ret_more ? http_url_next(conf, buf_slice(&next), &http->url, fault) : OK;

	buf_release(&next);
	http->transport.answered = error != OK;
	return error;
}

static enum error http_next_document(struct transport *transport,
	const struct transport_document *ended, bool *ret_more, struct fault *fault)
{
	struct http *http = (struct http *)transport;
	enum error error = OK;

	*ret_more = false;
	if (http->call->conf->paged)
		error = next_page(http, ended, ret_more, fault);
	if (error || !*ret_more)
		return error;
	http_multi_remove(http->multi, http->easy);
	begin(http);
	return OK;
}

const struct transport_ops http_transport = {.open = http_open,
	.read = http_read,
	.next_document = http_next_document,
	.close = http_close};
