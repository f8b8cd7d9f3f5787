/* SPDX-License-Identifier: MIT */
/* A TLS server's certificate, key and authorities; see tls_server.h. */
#include "base/tls_server.h"

#include "base/mem.h"
#include "base/tls_server_internal.h"

struct tls_server *tls_server_new(void)
{
	struct tls_server *server = mem_new(struct tls_server);

	server->references = 1;
	server->expires_wall_ms = -1;
	if (gnutls_certificate_allocate_credentials(&server->x509) < 0)
		mem_exhausted();
	return server;
}

struct tls_server *tls_server_ref(struct tls_server *server)
{
	server->references++;
	return server;
}

static void free_chain(gnutls_x509_crt_t *chain, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		gnutls_x509_crt_deinit(chain[i]);
	gnutls_free(chain);
}

void tls_server_unref(struct tls_server *server)
{
	if (!server || --server->references > 0)
		return;
	free_chain(server->chain, server->chain_n);
	gnutls_certificate_free_credentials(server->x509);
	mem_free(server);
}

static gnutls_datum_t datum(struct slice pem)
{
	return (gnutls_datum_t){(unsigned char *)(uintptr_t)pem.p, (unsigned)pem.n};
}

static bool read_chain(struct slice pem, gnutls_x509_crt_t **ret, unsigned *ret_n)
{
	gnutls_datum_t data = datum(pem);

	return gnutls_x509_crt_list_import2(ret, ret_n, &data, GNUTLS_X509_FMT_PEM, 0) >= 0;
}

static int64_t first_expiry(gnutls_x509_crt_t *chain, unsigned n)
{
	int64_t first = -1;

	for (unsigned i = 0; i < n; i++) {
		int64_t at = (int64_t)gnutls_x509_crt_get_expiration_time(chain[i]) * 1000;

		if (at >= 0 && (first < 0 || at < first))
			first = at;
	}
	return first;
}

int64_t tls_server_pem_expires_wall_ms(struct slice pem)
{
	gnutls_x509_crt_t *chain;
	int64_t first;
	unsigned n;

	if (!read_chain(pem, &chain, &n))
		return -1;
	first = first_expiry(chain, n);
	free_chain(chain, n);
	return first;
}

const char *tls_server_certificate(struct tls_server *server, struct slice pem)
{
	if (!read_chain(pem, &server->chain, &server->chain_n)) {
		server->chain = NULL;
		server->chain_n = 0;
		return "has no certificate in PEM format";
	}
	server->expires_wall_ms = first_expiry(server->chain, server->chain_n);
	return NULL;
}

static const char *use_key(struct tls_server *server, gnutls_x509_privkey_t key)
{
	int status = gnutls_certificate_set_x509_key(
		server->x509, server->chain, (int)server->chain_n, key);

	if (status == GNUTLS_E_CERTIFICATE_KEY_MISMATCH)
		return "is not the key of the certificate";
	return status < 0 ? gnutls_strerror(status) : NULL;
}

const char *tls_server_key(struct tls_server *server, struct slice pem)
{
	gnutls_datum_t data = datum(pem);
	gnutls_x509_privkey_t key;
	const char *wrong;
	int status;

	if (gnutls_x509_privkey_init(&key) < 0)
		mem_exhausted();
	status = gnutls_x509_privkey_import2(key, &data, GNUTLS_X509_FMT_PEM, NULL, 0);
	if (status == GNUTLS_E_DECRYPTION_FAILED)
		wrong = "is encrypted: a key without a passphrase is needed";
	else if (status < 0)
		wrong = "has no private key in PEM format";
	else
		wrong = use_key(server, key);
	gnutls_x509_privkey_deinit(key);
	return wrong;
}

const char *tls_server_clients(struct tls_server *server, struct slice pem)
{
	gnutls_datum_t data = datum(pem);

	if (gnutls_certificate_set_x509_trust_mem(server->x509, &data, GNUTLS_X509_FMT_PEM) <= 0)
		return "has no certificate in PEM format";
	server->asks_clients = true;
	return NULL;
}

int64_t tls_server_expires_wall_ms(const struct tls_server *server)
{
	return server->expires_wall_ms;
}
