/* SPDX-License-Identifier: MIT */
/*
 * Rows over HTTP: one GET, or a series of pages until one has no rows, no body or the status 404.
 *
 *	curl --on_bytes--> `in` --swap--> `out` --view--> parser
 *
 * `in` holds 128 KiB at most; then the transfer is paused until somebody asks again. Redirects are
 * a failure: a source is where the configuration says it is.
 */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "source/http_multi.h"
#include "source/transport.h"

enum {
	in_max_bytes = 128 * 1024,
	connect_ms = 10000,
	slow_bytes_per_second = 16, /* less than that for slow_seconds: given up */
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

	/* of the document under way */
	struct buf in, out;
	int64_t received;
	bool paused;
	bool too_much;
};

/* As accept4(2) and the like: what curl opens must not reach a child. */
static curl_socket_t open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
	(void)context;
	(void)purpose;
	return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

enum http_answer http_answer_of(long status)
{
	switch (status) {
	case 202: /* not ready yet */
	case 206: /* a part, which was not asked for */
	case 226: /* a difference, likewise */
	case 401: /* for whatever is asked */
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

static long status_of(const struct http *http)
{
	long status = 0;

	curl_easy_getinfo(http->easy, CURLINFO_RESPONSE_CODE, &status);
	return status;
}

static size_t on_bytes(char *p, size_t size, size_t count, void *context)
{
	struct http *http = context;
	size_t n = size * count;

	/* The body of an error is of no use, and its end need not be waited for. */
	if (http_answer_of(status_of(http)) != HTTP_ROWS)
		return 0;
	if (http->in.n && http->in.n + n > in_max_bytes) {
		http->paused = true;
		return CURL_WRITEFUNC_PAUSE;
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
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, (long)slow_bytes_per_second);
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, (long)slow_seconds);
	curl_easy_setopt(
		easy, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)transport_max_total(http->call));
}

static void set_boundaries(CURL *easy)
{
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_UNRESTRICTED_AUTH, 0L);
	curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	/* A name that does not resolve in time must not hold up the loop when it is given up. */
	curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
	/* Pausing one of several streams on a connection would be another matter. */
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
}

static void set_request(struct http *http)
{
	const struct conf_source *conf = http->call->conf;

	for (size_t i = 0; i < conf->header_count; i++) {
		const struct conf_header *header = &conf->headers[i];
		char *line = mem_printf(
			*header->value ? "%s: %s" : "%s;%s", header->name, header->value);

		http->headers = curl_slist_append(http->headers, line);
		mem_free(line);
	}
	curl_easy_setopt(http->easy, CURLOPT_HTTPHEADER, http->headers);
	curl_easy_setopt(http->easy, CURLOPT_USERAGENT, "cachewarden/" CW_VERSION);
	if (conf->ca)
		curl_easy_setopt(http->easy, CURLOPT_CAINFO, conf->ca);
	curl_easy_setopt(http->easy, CURLOPT_PRIVATE, &http->done);
	curl_easy_setopt(http->easy, CURLOPT_ERRORBUFFER, http->error);
	curl_easy_setopt(http->easy, CURLOPT_WRITEFUNCTION, on_bytes);
	curl_easy_setopt(http->easy, CURLOPT_WRITEDATA, http);
	curl_easy_setopt(http->easy, CURLOPT_BUFFERSIZE, 65536L);
}

static bool look_up(void *context, struct slice name, struct buf *out)
{
	const struct http *http = context;
	struct slice value;

	if (http->call->conf->paged && slice_is(name, "page")) {
		buf_int(out, http->page);
		return true;
	}
	/* As a segment these two would lead somewhere else. */
	if (!transport_param(http->call, name, &value) || slice_is(value, ".") ||
		slice_is(value, ".."))
		return false;
	buf_add(out, value);
	return true;
}

static enum error make_url(struct http *http, struct fault *fault)
{
	const struct conf_source *conf = http->call->conf;
	struct slice base = slice_str(conf->base_url);
	struct buf path = {0};
	enum error error = OK;

	if (conf->url_path)
		error = template_fill(conf->url_path, TEMPLATE_PATH, look_up, http, &path, fault);
	if (base.n && path.n && base.p[base.n - 1] == '/')
		base.n--;
	buf_clear(&http->url);
	buf_add(&http->url, base);
	if (path.n && path.p[0] != '/' && path.p[0] != '?')
		buf_char(&http->url, '/');
	buf_add(&http->url, buf_slice(&path));
	buf_release(&path);
	if (error && fault)
		fault->error = ERR_BAD_PARAMETER;
	return error ? ERR_BAD_PARAMETER : OK;
}

/* Starts the transfer of one document. */
static enum error begin(struct http *http, struct fault *fault)
{
	enum error error = make_url(http, fault);

	if (error)
		return error;
	buf_clear(&http->in);
	http->received = 0;
	http->paused = http->too_much = false;
	http->done = (struct http_done){0};
	http->error[0] = '\0';
	curl_easy_setopt(http->easy, CURLOPT_URL, http->url.p);
	set_limits(http);
	http_multi_add(http->multi, http->easy);
	return OK;
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
	http->easy = curl_easy_init();
	if (!http->easy)
		mem_exhausted();
	set_boundaries(http->easy);
	set_request(http);
	enum error error = begin(http, fault);
	if (error)
		http_close(&http->transport);
	else
		*ret = &http->transport;
	return error;
}

/* The address for messages: without credentials and query. */
static struct slice shown(const struct http *http)
{
	struct slice url = buf_slice(&http->url);
	const char *query = memchr(url.p, '?', url.n);
	const char *host = strstr(url.p, "://");

	if (query)
		url.n = (size_t)(query - url.p);
	host = host ? host + 3 : url.p;
	size_t host_n = strcspn(host, "/?#");
	const char *at = memrchr(host, '@', host_n);
	if (at && at < url.p + url.n)
		url = slice_of(at + 1, (size_t)(url.p + url.n - at - 1));
	if (url.n > 200)
		url.n = 200;
	return url;
}

static const char *meaning_of(long status)
{
	switch (status) {
	case 202:
		return ", which is no rows yet";
	case 206:
	case 226:
		return ", which is a part of what was asked for";
	default:
		return "";
	}
}

static enum error status_failed(struct http *http, long status, struct fault *fault)
{
	struct slice url = shown(http);
	char *location = NULL;
	curl_off_t after = 0;

	http->transport.answered = http_answer_of(status) != HTTP_FAILED;
	curl_easy_getinfo(http->easy, CURLINFO_REDIRECT_URL, &location);
	if (location)
		return fault_set(fault, ERR_SOURCE_FAILED,
			"GET %.*s answered %ld to %.150s; redirects are not followed, so put that "
			"address "
			"into base_url",
			(int)url.n, url.p, status, location);
	curl_easy_getinfo(http->easy, CURLINFO_RETRY_AFTER, &after);
	if (after)
		return fault_set(fault, ERR_SOURCE_FAILED,
			"GET %.*s answered %ld with Retry-After: %lld", (int)url.n, url.p, status,
			(long long)after);
	return fault_set(fault, ERR_SOURCE_FAILED, "GET %.*s answered %ld%s", (int)url.n, url.p,
		status, meaning_of(status));
}

/*
 * There is nothing at this address: no value for a lookup, no rows behind the first page; where a
 * job's rows should begin it is a wrong address.
 */
static enum error nothing(struct http *http, long status, struct slice *ret, struct fault *fault)
{
	struct slice url = shown(http);

	if (http->call->lookup) {
		http->transport.answered = true;
		return fault_set(
			fault, ERR_NO_VALUE, "GET %.*s answered %ld", (int)url.n, url.p, status);
	}
	if (status / 100 != 2 && http->page == http->call->conf->page_from)
		return status_failed(http, status, fault);
	*ret = slice_of("", 0);
	return OK;
}

/* How the document ended. */
static enum error judge(struct http *http, struct fault *fault)
{
	CURLcode result = http->done.result;
	struct slice url = shown(http);

	if (result == CURLE_OK)
		return OK;
	http->transport.answered = http->too_much || result == CURLE_FILESIZE_EXCEEDED;
	if (http->transport.answered)
		return fault_set(fault, ERR_SOURCE_FAILED, "GET %.*s sends more than %lld bytes",
			(int)url.n, url.p, (long long)transport_max_total(http->call));
	/* curl's clock and ours may differ by a rounding. */
	if (result == CURLE_OPERATION_TIMEDOUT && clock_mono_ms() + 5 >= http->call->deadline)
		return transport_waited(ERR_TIMEOUT, "answer", fault);
	return fault_set(fault, ERR_SOURCE_FAILED, "GET %.*s: %.200s", (int)url.n, url.p,
		http->error[0] ? http->error : curl_easy_strerror(result));
}

/* Lets a paused transfer go on; that may bring bytes at once. */
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

static enum error http_read(struct transport *transport, struct slice *ret, struct fault *fault)
{
	struct http *http = (struct http *)transport;
	enum error error = OK;

	http->done.waiter = fiber_current();
	while (!http->in.n && !http->done.over && !error)
		error = fiber_park("an HTTP source", http->call->deadline);
	http->done.waiter = NULL;
	if (error)
		return transport_waited(error, "answer", fault);
	long status = status_of(http);
	if (status && http_answer_of(status) == HTTP_NOTHING)
		return nothing(http, status, ret, fault);
	if (status && http_answer_of(status) != HTTP_ROWS)
		return status_failed(http, status, fault);
	struct buf filled = http->in;
	http->in = http->out;
	http->out = filled;
	buf_clear(&http->in);
	*ret = buf_slice(&http->out);
	resume(http);
	return ret->n ? OK : judge(http, fault);
}

static enum error http_next_document(
	struct transport *transport, uint64_t rows, bool *ret_more, struct fault *fault)
{
	struct http *http = (struct http *)transport;

	*ret_more = http->call->conf->paged && rows;
	if (!*ret_more)
		return OK;
	http_multi_remove(http->multi, http->easy);
	http->page++;
	return begin(http, fault);
}

const struct transport_ops http_transport = {.open = http_open,
	.read = http_read,
	.next_document = http_next_document,
	.close = http_close};
