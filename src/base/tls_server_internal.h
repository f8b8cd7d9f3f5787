/* SPDX-License-Identifier: MIT */
/* What sessions need of a TLS server's credentials. */
#ifndef CW_BASE_TLS_SERVER_INTERNAL_H
#define CW_BASE_TLS_SERVER_INTERNAL_H

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include "base/tls_server.h"

struct tls_server {
	unsigned references;
	gnutls_certificate_credentials_t x509;
	gnutls_x509_crt_t *chain; /* until the key is there */
	unsigned chain_n;
	int64_t expires_wall_ms;
	bool asks_clients;
};

#endif
