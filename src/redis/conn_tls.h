/* SPDX-License-Identifier: MIT */
/* What the connections of one server need for TLS; shared by them and owned by their node. */
#ifndef CW_REDIS_CONN_TLS_H
#define CW_REDIS_CONN_TLS_H

#include "base/tls.h"
#include "conf/conf.h"

/* Zeroed = no TLS. */
struct conn_tls {
	bool on;
	enum tls_verify verify;
	char *name; /* that the certificate must have; NULL: the host's */
	char *ca, *certificate, *key;
	struct tls_credentials *credentials; /* NULL: the files are read for the next connection */
	struct buf ticket;		     /* of the last session, for the next one */
};

/* Whether the files can be used; ERR_BAD_CONFIG as tls_credentials_load(). */
enum error conn_tls_check(const struct conf_redis *conf, struct fault *fault);
/* Takes over the settings. The files are read again: earlier sessions keep what they have. */
void conn_tls_configure(struct conn_tls *tls, const struct conf_redis *conf);
void conn_tls_release(struct conn_tls *tls);
/* Another server: a session of the last one is of no use. */
void conn_tls_forget(struct conn_tls *tls);
/*
 * Begins a session with `host`. Reads the files if they were not read yet. ERR_REDIS_UNAVAILABLE:
 * `fault` has the reason.
 */
enum error conn_tls_begin(
	struct conn_tls *tls, const char *host, struct tls **ret, struct fault *fault);
/* Keeps what shortens the next handshake, before tls_free(). */
void conn_tls_end(struct conn_tls *tls, struct tls *session);

#endif
