/* SPDX-License-Identifier: MIT */
/* Requests to the daemon; see client.h. */
#include "cli/client.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/mem.h"
#include "cli/cell.h"
#include "cli/refusal.h"
#include "cli/say.h"
#include "text/percent.h"

enum { connect_seconds = 5, usual_seconds = 30, silent_seconds = 40 };

static const struct json_limits answer_limits = {
	.depth = 64, .nodes = 20000000, .members = 1000000, .allow_nul = true};

struct transfer {
	const struct cli_request *request;
	struct buf body, header;
	int64_t heard_at_ms; /* the last bytes of the body */
	CURL *curl;
	bool too_large, ended; /* by the caller */
	char error[CURL_ERROR_SIZE];
};

const char *cli_client_address(struct cli *cli)
{
	return cli->socket ? cli->socket : cli->url;
}

static size_t take_body(char *p, size_t size, size_t count, void *context)
{
	struct transfer *transfer = context;
	size_t n = size * count;
	long status = 0;

	transfer->heard_at_ms = clock_mono_ms();

	curl_easy_getinfo(transfer->curl, CURLINFO_RESPONSE_CODE, &status);
	if (transfer->request->part && status / 100 == 2) {
		transfer->ended =
			!transfer->request->part(transfer->request->context, slice_of(p, n));
		return transfer->ended ? 0 : n;
	}
	if (n > CLI_ANSWER_MAX - transfer->body.n) {
		transfer->too_large = true;
		return 0;
	}
	buf_append(&transfer->body, p, n);
	return n;
}

/* Called by curl about once a second; 1 ends the transfer. */
static int watch_silence(
	void *context, curl_off_t down_total, curl_off_t down, curl_off_t up_total, curl_off_t up)
{
	const struct transfer *transfer = context;

	(void)down_total;
	(void)down;
	(void)up_total;
	(void)up;
	return clock_mono_ms() - transfer->heard_at_ms > silent_seconds * 1000;
}

static size_t take_header(char *p, size_t size, size_t count, void *context)
{
	struct transfer *transfer = context;

	if (transfer->header.n + size * count > 65536)
		return 0;
	buf_append(&transfer->header, p, size * count);
	return size * count;
}

static struct curl_slist *headers_of(const struct cli *cli, const struct cli_request *request)
{
	struct curl_slist *list = NULL;
	struct buf line = {0};

	if (cli->token.n) {
		buf_str(&line, "Authorization: Bearer ");
		buf_add(&line, cli->token);
		list = curl_slist_append(list, line.p);
		buf_clear(&line);
	}
	if (request->body.p) {
		buf_printf(&line, "Content-Type: %s",
			request->type ? request->type : "application/json");
		list = curl_slist_append(list, line.p);
	}
	if (request->header)
		list = curl_slist_append(list, request->header);
	buf_release(&line);
	/* A large body is sent at once. */
	return curl_slist_append(list, "Expect:");
}

static void set_address(CURL *curl, const struct cli *cli, const char *path)
{
	char *url = mem_printf("%s%s", cli->socket ? "http://localhost" : cli->url, path);

	curl_easy_setopt(curl, CURLOPT_URL, url);
	mem_free(url);
	if (cli->socket)
		curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, cli->socket);
	if (cli->ca_file)
		curl_easy_setopt(curl, CURLOPT_CAINFO, cli->ca_file);
	if (cli->cert_file) {
		curl_easy_setopt(curl, CURLOPT_SSLCERT, cli->cert_file);
		curl_easy_setopt(curl, CURLOPT_SSLKEY, cli->key_file);
		/* A key under a passphrase is an error: a prompt would stand within a table. */
		curl_easy_setopt(curl, CURLOPT_KEYPASSWD, "");
	}
}

static void set_options(CURL *curl, struct transfer *transfer)
{
	const struct cli_request *request = transfer->request;
	const char *method = request->method ? request->method : "GET";

	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "cachewarden/" CW_VERSION);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, transfer->error);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long)connect_seconds);
	/* A stream has a comment every 15 s. */
	if (request->seconds < 0) {
		curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
		curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, watch_silence);
		curl_easy_setopt(curl, CURLOPT_XFERINFODATA, transfer);
	} else {
		curl_easy_setopt(curl, CURLOPT_TIMEOUT,
			(long)(request->seconds ? request->seconds : usual_seconds));
	}
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
	if (request->body.p || strcmp(method, "GET") != 0) {
		curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.n);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body.p ? request->body.p : "");
	}
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, transfer);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, transfer);
}

/* Nothing listens there, or the caller may not connect. */
static int say_not_there(struct cli *cli, const struct transfer *transfer)
{
	const char *at = cli_client_address(cli);
	long number = 0;

	curl_easy_getinfo(transfer->curl, CURLINFO_OS_ERRNO, &number);
	if (number == EACCES && cli->socket)
		return cli_say(CLI_UNREACHABLE,
			"you may not use the socket %s: it is for root and the group of the file "
			"(ls -l). --url or --socket names another address",
			at);
	return cli_say(CLI_UNREACHABLE,
		"no daemon answers at %s: %s. Is cachewardend running? --url or --socket "
		"names another address",
		at, number ? strerror((int)number) : transfer->error);
}

static int say_no_trust(const char *at, const char *why)
{
	if (strstr(why, "target host name"))
		return cli_say(CLI_UNREACHABLE,
			"the certificate of %s is for another name: %s. --url names the daemon as "
			"its certificate does",
			at, why);
	return cli_say(CLI_UNREACHABLE,
		"%s has no certificate that can be trusted: %s. --ca-file names the file of its "
		"authority",
		at, why);
}

static const char wants_certificate[] =
	"Where tls.client_ca is set, the daemon wants a certificate of its clients: --cert-file "
	"and --key-file name it";
static const char wants_signed[] =
	"An authority in the daemon's tls.client_ca must have signed the certificate, for clients; "
	"the daemon's log says what is wrong";

/*
 * The daemon has ended the handshake. Which alert it sent is not in the words of all TLS libraries;
 * without a certificate of the client, or with one, that is what it is about in nearly all cases.
 */
static bool is_alert(const char *why)
{
	return strstr(why, "TLS fatal alert") || strstr(why, " alert ");
}

static int say_alert(const struct cli *cli, const char *at, const char *why)
{
	if (!cli->cert_file)
		return cli_say(CLI_UNREACHABLE, "%s ends the TLS connection: %s. %s", at, why,
			wants_certificate);
	return cli_say(CLI_UNREACHABLE,
		"%s ends the TLS connection, and does not seem to accept the certificate %s: %s. "
		"%s",
		at, cli->cert_file, why, wants_signed);
}

/* What may be wrong where a connection ends without a byte of an answer: ". If ...", or "". */
static const char *guess_of(struct cli *cli, const struct transfer *transfer, CURLcode code)
{
	bool https = !cli->socket && slice_starts(slice_str(cli->url), SLICE("https://"));

	if (transfer->header.n || cli->socket)
		return "";
	/* An alert is lost where the connection is reset before it was read. */
	if (https &&
		(code == CURLE_RECV_ERROR || code == CURLE_SEND_ERROR || code == CURLE_GOT_NOTHING))
		return cli_cell_format(
			cli, ". %s", cli->cert_file ? wants_signed : wants_certificate);
	return code == CURLE_GOT_NOTHING
		       ? ". If the daemon serves HTTPS there, the address begins with https://"
		       : "";
}

/* In curl's words, without the full stop that some have. */
static const char *reason_of(struct cli *cli, const struct transfer *transfer, CURLcode code)
{
	struct slice why =
		slice_str(transfer->error[0] ? transfer->error : curl_easy_strerror(code));

	while (why.n && why.p[why.n - 1] == '.')
		why.n--;
	return arena_dup(&cli->arena, why);
}

static bool is_change(const struct cli_request *request)
{
	return request->method && strcmp(request->method, "GET") != 0;
}

/* What to do where the daemon cannot be reached. */
static int say_unreachable(struct cli *cli, const struct transfer *transfer, CURLcode code)
{
	const char *at = cli_client_address(cli);
	const char *why = reason_of(cli, transfer, code);
	double connected = 0;

	curl_easy_getinfo(transfer->curl, CURLINFO_CONNECT_TIME, &connected);
	if (transfer->too_large)
		return cli_say(CLI_UNREACHABLE, "the answer of %s is larger than %zu MiB", at,
			CLI_ANSWER_MAX >> 20);
	if (code == CURLE_COULDNT_CONNECT || code == CURLE_COULDNT_RESOLVE_HOST)
		return say_not_there(cli, transfer);
	if (code == CURLE_OPERATION_TIMEDOUT && connected == 0)
		return cli_say(CLI_UNREACHABLE,
			"no daemon answers at %s within %d s: is the address right, and does no "
			"firewall drop the packets?",
			at, connect_seconds);
	if (is_alert(why))
		return say_alert(cli, at, why);
	if (cli->cert_file && (code == CURLE_SSL_CERTPROBLEM || strstr(why, "error reading X.509")))
		return cli_say(CLI_UNREACHABLE,
			"the certificate %s with the key %s cannot be used: %s", cli->cert_file,
			cli->key_file, why);
	if (code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE)
		return say_no_trust(at, why);
	if (code == CURLE_SSL_CONNECT_ERROR)
		return cli_say(CLI_UNREACHABLE,
			"no TLS connection with %s: %s. If the daemon serves plain HTTP there, the "
			"address begins with http://",
			at, why);
	if (is_change(transfer->request))
		return cli_say(CLI_UNREACHABLE,
			"there is no answer from %s: %s. Whether the request took effect is not "
			"known: cachewarden ops shows the operations%s",
			at, why, guess_of(cli, transfer, code));
	return cli_say(CLI_UNREACHABLE, "there is no whole answer from %s: %s%s", at, why,
		guess_of(cli, transfer, code));
}

static void fill(struct cli *cli, struct transfer *transfer, struct cli_answer *ret)
{
	long status = 0;
	char *type = NULL;

	curl_easy_getinfo(transfer->curl, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(transfer->curl, CURLINFO_CONTENT_TYPE, &type);
	*ret = (struct cli_answer){.status = (int)status,
		.type = arena_dup(
			&cli->arena, type ? slice_of(type, strcspn(type, "; ")) : slice_of("", 0))};
	ret->body = arena_take(&cli->arena, &transfer->body);
	ret->header = arena_take(&cli->arena, &transfer->header);
	if (strstr(ret->type, "json") && json_check(ret->body, &answer_limits, NULL) == OK)
		ret->json = json_root(ret->body);
}

int cli_client_ask(struct cli *cli, const struct cli_request *request, struct cli_answer *ret)
{
	struct transfer transfer = {.request = request, .heard_at_ms = clock_mono_ms()};
	int exit = CLI_DONE;

	if (!cli->curl)
		cli->curl = curl_easy_init();
	if (!cli->curl)
		mem_exhausted();
	/* Options end with each request, the connection stays. */
	curl_easy_reset(cli->curl);
	transfer.curl = cli->curl;
	struct curl_slist *headers = headers_of(cli, request);

	set_address(cli->curl, cli, request->path);
	set_options(cli->curl, &transfer);
	curl_easy_setopt(cli->curl, CURLOPT_HTTPHEADER, headers);
	CURLcode code = curl_easy_perform(cli->curl);

	if (code != CURLE_OK && !transfer.ended)
		exit = request->quiet ? CLI_UNREACHABLE : say_unreachable(cli, &transfer, code);
	fill(cli, &transfer, ret);
	curl_slist_free_all(headers);
	return exit;
}

void cli_client_end(struct cli *cli)
{
	curl_easy_cleanup(cli->curl);
	cli->curl = NULL;
}

void cli_client_print(const struct cli_answer *answer)
{
	fwrite(answer->body.p, 1, answer->body.n, stdout);
	if (answer->body.n && answer->body.p[answer->body.n - 1] != '\n')
		putchar('\n');
}

int cli_client_json(struct cli *cli, const struct cli_request *request, struct cli_answer *ret)
{
	int exit = cli_client_ask(cli, request, ret);

	if (exit)
		return exit;
	bool ok = ret->status / 100 == 2 && (ret->json.text.n || ret->status == 204);

	if ((ok ? cli->json : cli->json_errors) && !request->quiet && ret->json.text.n)
		cli_client_print(ret);
	if (ok)
		return CLI_DONE;
	return request->quiet ? CLI_FAILED : cli_refusal_say(cli, ret);
}

int cli_client_get(struct cli *cli, const char *path, struct cli_answer *ret)
{
	return cli_client_json(cli, &(struct cli_request){.path = path}, ret);
}

const char *cli_client_path(
	struct cli *cli, const char *prefix, struct slice segment, const char *suffix)
{
	struct buf path = {0};

	buf_str(&path, prefix);
	buf_char(&path, '/');
	/* A segment that is . or .. would be taken away by clients; its dots are encoded, too. */
	percent_encode(segment, "_~-", &path);
	buf_str(&path, suffix);
	return arena_take(&cli->arena, &path).p;
}
