/* SPDX-License-Identifier: MIT */
/*
 * The client's side of TLS 1.2 and 1.3 (GnuTLS), between a stream and its user. It knows no
 * sockets: bytes go in and come out.
 *
 *	stream --tls_receive()--> records --tls_read()--> plain
 *	stream <--tls_output()--- records <--tls_write()-- plain
 */
#ifndef CW_BASE_TLS_H
#define CW_BASE_TLS_H

#include "base/buf.h"
#include "base/fault.h"

enum tls_verify {
	TLS_VERIFY_FULL, /* the chain of the peer's certificate, its dates, and its name */
	TLS_VERIFY_CA,	 /* the same without the name */
	TLS_VERIFY_NONE, /* nothing: any peer is accepted */
};

/* Paths of PEM files. */
struct tls_files {
	const char *ca;		 /* the authorities to trust; NULL = the system's */
	const char *certificate; /* what we show the peer; NULL = none; its chain may follow */
	const char *key;	 /* of the certificate */
};

/* What sessions begin with, read from files. Counted, and never changed. */
struct tls_credentials;

/*
 * Reads the files, without parking. ERR_BAD_CONFIG: a file cannot be read or holds something else;
 * `fault` names it and says what is wrong. The caller owns *ret.
 */
enum error tls_credentials_load(
	const struct tls_files *files, struct tls_credentials **ret, struct fault *fault);
void tls_credentials_unref(struct tls_credentials *credentials); /* may be NULL */

/* A session, from its handshake to its end. */
struct tls;

struct tls_options {
	struct tls_credentials *credentials; /* the session takes a reference */
	enum tls_verify verify;
	const char *name; /* the name or address that the peer's certificate must have; copied */
	/* From tls_ticket() of an earlier session with the same options; empty = none. */
	struct slice ticket;
	enum error broken; /* what the faults of this session are to the caller, not OK */
};

struct tls *tls_new(const struct tls_options *options);
void tls_free(struct tls *tls); /* may be NULL */
bool tls_began_with(const struct tls *tls, const struct tls_credentials *credentials);

/* Takes what came from the stream; all of it is kept until the functions below have used it. */
void tls_receive(struct tls *tls, struct slice records);
/* What must be sent to the stream: the caller takes it out, or consumes it. */
struct buf *tls_output(struct tls *tls);

/*
 * Goes on with the handshake. *ret_done: it has succeeded; otherwise, on OK, more must be received
 * first. The caller's `broken`: it failed, and `fault` has the reason without saying whose
 * certificate it was ("its certificate has expired"). An alert for the peer may be in tls_output().
 */
enum error tls_handshake(struct tls *tls, bool *ret_done, struct fault *fault);

enum tls_read {
	TLS_READ_SOME,	 /* *ret_n bytes, at least one */
	TLS_READ_NONE,	 /* more must be received first */
	TLS_READ_END,	 /* the peer has ended the session */
	TLS_READ_BROKEN, /* `fault` says why: an alert, or bytes that are not TLS or were altered */
};
/*
 * Takes plain bytes out of what was received. In TLS 1.3 it is here that a peer refuses our
 * certificate: after its part of the handshake.
 */
enum tls_read tls_read(struct tls *tls, char *to, size_t size, size_t *ret_n, struct fault *fault);
/* Adds plain bytes to the output. False: the session is broken. */
bool tls_write(struct tls *tls, struct slice plain);
/*
 * Appends what lets a later session begin with less work (RFC 8446, 2.2); false where the peer sent
 * nothing of that kind.
 */
bool tls_ticket(struct tls *tls, struct buf *out);

#endif
