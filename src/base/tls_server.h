/* SPDX-License-Identifier: MIT */
/*
 * What a TLS server shows and asks for: its certificate with the key, and the authorities of its
 * clients. Counted; not changed any more once sessions use it, so that a new one replaces it.
 */
#ifndef CW_BASE_TLS_SERVER_H
#define CW_BASE_TLS_SERVER_H

#include "base/buf.h"

struct tls_server;

/* The caller owns one reference. */
struct tls_server *tls_server_new(void);
struct tls_server *tls_server_ref(struct tls_server *server);
void tls_server_unref(struct tls_server *server); /* may be NULL */

/*
 * The contents of PEM files, in this order: the certificate, which the other certificates of its
 * chain may follow, its key, and (optional) the authorities whose clients are accepted. NULL, or
 * the end of a sentence about the file, such as "has no certificate": then the others are not
 * to be given.
 */
const char *tls_server_certificate(struct tls_server *server, struct slice pem);
const char *tls_server_key(struct tls_server *server, struct slice pem);
const char *tls_server_clients(struct tls_server *server, struct slice pem);

/* When the first of the certificate and its chain expires. */
int64_t tls_server_expires_wall_ms(const struct tls_server *server);
/* When the first certificate of a PEM file's content expires; -1 if it has none. */
int64_t tls_server_pem_expires_wall_ms(struct slice pem);

#endif
