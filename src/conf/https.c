/* SPDX-License-Identifier: MIT */
/* The certificate, the key and the authorities of HTTPS; see https.h. */
#include "conf/https.h"

#include "base/clock.h"
#include "base/timestamp.h"
#include "conf/file.h"

/* Reads the file that the member at `path` names, and lets `take` look at its content. */
static bool load_file(struct reader *r, struct node *root, const char *member, const char *path,
	const char *(*take)(struct tls_server *server, struct slice pem), struct tls_server *server)
{
	bool secret = take == tls_server_key;
	struct buf text = {0}, why = {0};
	const char *wrong = file_read(path, secret, &text, &why, NULL);

	if (!wrong)
		wrong = take(server, buf_slice(&text));
	if (wrong)
		reader_fault_at(r, root, member, reader_say(r, "names %s, which %s", path, wrong));
	file_forget(&text);
	buf_release(&why);
	return !wrong;
}

static void warn_of_expiry(struct reader *r, struct node *root, const struct tls_server *server)
{
	int64_t expires = tls_server_expires_wall_ms(server), now = clock_wall_ms();
	struct buf date = {0};

	if (expires >= now + CONF_EXPIRY_NOTICE_MS)
		return;
	timestamp_format(expires, &date);
	reader_warn_at(r, root, "tls.certificate",
		reader_say(r,
			expires < now ? "expired at %s: clients refuse it"
				      : "expires at %s: renew it, and reload",
			date.p));
	buf_release(&date);
}

int64_t https_expiry(const char *path)
{
	struct buf text = {0}, why = {0};
	int64_t expires = -1;

	if (path && !file_read(path, false, &text, &why, NULL))
		expires = tls_server_pem_expires_wall_ms(buf_slice(&text));
	buf_release(&text);
	buf_release(&why);
	return expires;
}

void https_load(struct reader *r, struct node *root, struct conf_full *full)
{
	struct conf_https *tls = &full->conf.tls;
	struct tls_server *server;

	if (!tls->certificate != !tls->key) {
		reader_fault_at(r, root, tls->certificate ? "tls.certificate" : "tls.key",
			tls->certificate ? "needs tls.key beside it"
					 : "needs tls.certificate beside it");
		return;
	}
	if (!tls->certificate) {
		if (tls->client_ca)
			reader_fault_at(r, root, "tls.client_ca",
				"needs tls.certificate and tls.key beside it");
		return;
	}
	server = tls->server = tls_server_new();
	if (load_file(
		    r, root, "tls.certificate", tls->certificate, tls_server_certificate, server) &&
		load_file(r, root, "tls.key", tls->key, tls_server_key, server))
		warn_of_expiry(r, root, server);
	if (tls->client_ca)
		load_file(r, root, "tls.client_ca", tls->client_ca, tls_server_clients, server);
}
