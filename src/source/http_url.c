/* SPDX-License-Identifier: MIT */
/* Addresses; see http_url.h. */
#include "source/http_url.h"

#include <curl/curl.h>
#include <string.h>

#include "base/mem.h"
#include "source/transport.h"
#include "text/percent.h"

struct filling {
	const struct source_call *call;
	int64_t page;
	bool marks; /* each value is replaced by a byte that is recognised later */
};

static bool look_up(void *context, struct slice name, struct buf *out)
{
	const struct filling *filling = context;
	struct slice value;

	if (filling->marks) {
		buf_char(out, '\x01');
		return true;
	}
	if (filling->call->conf->paged && slice_is(name, "page")) {
		buf_int(out, filling->page);
		return true;
	}
	if (!transport_param(filling->call, name, &value))
		return false;
	buf_add(out, value);
	return true;
}

/* Whether it contains a slash, or a part between backslashes is "." or "..". */
static bool leads_away(struct slice text)
{
	size_t begin = 0;

	for (size_t i = 0; i <= text.n; i++) {
		if (i < text.n && text.p[i] != '/' && text.p[i] != '\\')
			continue;
		struct slice part = slice_of(text.p + begin, i - begin);

		if ((i < text.n && text.p[i] == '/') || slice_is(part, ".") || slice_is(part, ".."))
			return true;
		begin = i + 1;
	}
	return false;
}

/* A segment as it is sent. Software behind the server may decode it a second time. */
static bool stays(struct slice segment)
{
	struct buf text = {0};
	bool away = false;

	buf_add(&text, segment);
	for (int i = 0; i < 2 && !away; i++) {
		/* As servers do it. */
		percent_decode(text.p, &text.n, PERCENT_LENIENT);
		away = leads_away(buf_slice(&text));
	}
	buf_release(&text);
	return !away;
}

static struct slice next_segment(struct slice *rest)
{
	size_t n = strcspn(rest->p, "/?#"),
	       used = n < rest->n && rest->p[n] == '/' ? n + 1 : rest->n;
	struct slice segment = slice_of(rest->p, n);

	*rest = slice_of(rest->p + used, rest->n - used);
	return segment;
}

/* Each segment that parameters are part of; `marked` is the same path with marks for values. */
static enum error check_segments(
	const struct template *template, struct buf *path, struct buf *marked, struct fault *fault)
{
	struct slice rest = buf_slice(path), marks = buf_slice(marked),
		     text = template_text(template);

	while (rest.n && marks.n) {
		struct slice segment = next_segment(&rest), mark = next_segment(&marks);

		if (!memmem(mark.p, mark.n, "%01", 3) || stays(segment))
			continue;
		return fault_set(fault, ERR_BAD_PARAMETER,
			"a parameter would put a slash, \".\" or \"..\" into a segment of the path "
			"%.*s, as it is or decoded again, and so request another address",
			(int)(text.n < 200 ? text.n : 200), text.p);
	}
	return OK;
}

static enum error fill_path(struct filling *filling, struct buf *path, struct fault *fault)
{
	const struct template *template = filling->call->conf->url_path;
	struct buf marked = {0};
	enum error error = template_fill(template, TEMPLATE_PATH, look_up, filling, path, fault);

	if (error && fault)
		fault->error = ERR_BAD_PARAMETER;
	if (error)
		return ERR_BAD_PARAMETER;
	filling->marks = true;
	template_fill(template, TEMPLATE_PATH, look_up, filling, &marked, NULL);
	error = check_segments(template, path, &marked, fault);
	buf_release(&marked);
	return error;
}

enum error http_url_make(
	const struct source_call *call, int64_t page, struct buf *ret, struct fault *fault)
{
	struct filling filling = {.call = call, .page = page};
	struct slice base = slice_str(call->conf->base_url);
	struct buf path = {0};
	enum error error = call->conf->url_path ? fill_path(&filling, &path, fault) : OK;

	if (base.n && path.n && base.p[base.n - 1] == '/')
		base.n--;
	buf_clear(ret);
	buf_add(ret, base);
	if (path.n && path.p[0] != '/' && path.p[0] != '?')
		buf_char(ret, '/');
	buf_add(ret, buf_slice(&path));
	buf_release(&path);
	return error;
}

/* Parts of an address, NULL for one that it does not have. */
static bool same_part(CURLU *a, CURLU *b, CURLUPart part, unsigned flags)
{
	char *x = NULL, *y = NULL;

	curl_url_get(a, part, &x, flags);
	curl_url_get(b, part, &y, flags);
	bool same = x && y ? strcasecmp(x, y) == 0 : x == y;

	curl_free(x);
	curl_free(y);
	return same;
}

static bool same_server(CURLU *a, CURLU *b)
{
	return same_part(a, b, CURLUPART_SCHEME, 0) && same_part(a, b, CURLUPART_HOST, 0) &&
	       same_part(a, b, CURLUPART_PORT, CURLU_DEFAULT_PORT) &&
	       same_part(a, b, CURLUPART_USER, 0) && same_part(a, b, CURLUPART_PASSWORD, 0);
}

/* The query without the parameter `name`, and with its new value behind it. */
static void set_parameter(CURLU *url, const char *name, struct slice value)
{
	char *query = NULL;
	struct buf text = {0};

	curl_url_get(url, CURLUPART_QUERY, &query, 0);
	for (struct slice rest = slice_str(query); rest.n;) {
		size_t n = strcspn(rest.p, "&"), name_n = strlen(name);
		struct slice pair = slice_of(rest.p, n < rest.n ? n : rest.n);
		bool same = pair.n > name_n && slice_starts(pair, slice_str(name)) &&
			    pair.p[name_n] == '=';

		if (!same && pair.n) {
			buf_add(&text, pair);
			buf_char(&text, '&');
		}
		rest = slice_skip(rest, pair.n < rest.n ? pair.n + 1 : pair.n);
	}
	buf_str(&text, name);
	buf_char(&text, '=');
	percent_encode(value, PERCENT_UNRESERVED, &text);
	curl_url_set(url, CURLUPART_QUERY, text.p, 0);
	curl_free(query);
	buf_release(&text);
}

/* False if the address cannot be read. */
static bool go_on(const struct conf_source *conf, CURLU *url, struct slice next)
{
	char *text = slice_dup(next);
	bool good = true;

	if (conf->pages_parameter)
		set_parameter(url, conf->pages_parameter, next);
	else
		good = strlen(text) == next.n &&
		       curl_url_set(url, CURLUPART_URL, text, CURLU_PATH_AS_IS) == CURLUE_OK;
	mem_free(text);
	return good;
}

enum error http_url_next(
	const struct conf_source *conf, struct slice next, struct buf *url, struct fault *fault)
{
	CURLU *parsed = curl_url(), *base = curl_url();
	char *text = NULL, shown[HTTP_SHOWN_BYTES];
	enum error error = OK;

	if (!parsed || !base)
		mem_exhausted();
	curl_url_set(base, CURLUPART_URL, conf->base_url, CURLU_PATH_AS_IS);
	curl_url_set(parsed, CURLUPART_URL, url->p, CURLU_PATH_AS_IS);
	if (!go_on(conf, parsed, next) ||
		curl_url_get(parsed, CURLUPART_URL, &text, 0) != CURLUE_OK) {
		error = fault_set(
			fault, ERR_SOURCE_FAILED, "the address of the next page cannot be read");
	} else if (!same_server(parsed, base)) {
		http_show(text, shown);
		error = fault_set(fault, ERR_SOURCE_FAILED,
			"the next page is on another server, which must not get the headers of "
			"this source: %s",
			shown);
	} else {
		buf_clear(url);
		buf_str(url, text);
	}
	curl_free(text);
	curl_url_cleanup(parsed);
	curl_url_cleanup(base);
	return error;
}

static CURLUcode strip(CURLU *parsed, const char *url, char **ret)
{
	static const CURLUPart parts[] = {CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_OPTIONS,
		CURLUPART_QUERY, CURLUPART_FRAGMENT};
	CURLUcode code = curl_url_set(
		parsed, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME | CURLU_PATH_AS_IS);

	for (size_t i = 0; i < sizeof parts / sizeof *parts && code == CURLUE_OK; i++)
		code = curl_url_set(parsed, parts[i], NULL, 0);
	return code == CURLUE_OK ? curl_url_get(parsed, CURLUPART_URL, ret, 0) : code;
}

void http_show(const char *url, char ret[static HTTP_SHOWN_BYTES])
{
	CURLU *parsed = curl_url();
	char *text = NULL;
	size_t n = 0;

	if (!parsed)
		mem_exhausted();
	/* An address that cannot be parsed may have secrets anywhere. */
	if (strip(parsed, url, &text) != CURLUE_OK)
		text = NULL;
	/* Some parsers take a backslash for a slash, so that credentials may follow it. */
	for (const char *p = text ? text : "an address that cannot be read"; *p && *p != '\\';
		p++) {
		if (n == HTTP_SHOWN_BYTES - 1)
			break;
		ret[n++] = *p < 0x20 || *p == 0x7f ? '?' : *p;
	}
	ret[n] = '\0';
	curl_free(text);
	curl_url_cleanup(parsed);
}
