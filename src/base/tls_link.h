/* SPDX-License-Identifier: MIT */
/*
 * The server's end of a TLS session that another library drives, over a non-blocking socket.
 *
 *	socket --recv--> link (a few KiB) --> GnuTLS --> the library
 *	socket <--------sendmsg----------- GnuTLS <----- the library
 *
 * The link replaces what the library has given the session: its credentials, and its way to the
 * socket. So credentials differ from session to session, and the owner sees whether bytes move.
 */
#ifndef CW_BASE_TLS_LINK_H
#define CW_BASE_TLS_LINK_H

#include "base/crypto.h"
#include "base/tls_server.h"

#define TLS_LINK_TURN_NS INT64_C(3000000)

struct tls_link;

struct tls_link_owner {
	void *context;
	/* Called while the session works: bytes have been received or sent. */
	void (*moved)(void *context);
	/* The same: the client has finished its part of the handshake, its certificate included. */
	void (*ready)(void *context);
	/*
	 * When the owner last let the library work. Until then, a socket that was found empty is
	 * not read again; TLS_LINK_TURN_NS later, no handshake goes on until the next time: each
	 * may take a millisecond, and there may be hundreds.
	 */
	const int64_t *turn_ns;
};

/*
 * Prepares a new session (a gnutls_session_t, which must not be freed before the link). Takes a
 * reference to `server`, and keeps a copy of `owner`.
 */
struct tls_link *tls_link_new(
	void *session, int fd, struct tls_server *server, const struct tls_link_owner *owner);
/* The session is not used any more. NULL is allowed. */
void tls_link_free(struct tls_link *link);
/* Why the client was refused, as in "its certificate has expired"; NULL if it was not. */
const char *tls_link_refused(const struct tls_link *link);
/* What a library that insists on a callback for certificates is given; it is never called. */
typedef void (*tls_link_callback)(void);
tls_link_callback tls_link_no_certificate(void);
/* The SHA-256 of the client's certificate (its DER); false if it has shown none. */
bool tls_link_client(const struct tls_link *link, uint8_t digest[SHA256_BYTES]);

#endif
