/* SPDX-License-Identifier: MIT */
/* Credentials and transport of a session that another library drives; see tls_link.h. */
#include "base/tls_link.h"

#include <errno.h>
#include <gnutls/abstract.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/tls_server_internal.h"

enum { ahead_bytes = 2048 }; /* that one recv(2) may take in advance */

struct tls_link {
	gnutls_session_t session;
	int fd;
	struct tls_server *server;
	struct tls_link_owner owner;
	bool ready;
	const char *refused; /* why; NULL = it is not */
	bool drained;	     /* in the turn of looked_ns */
	int64_t looked_ns;
	size_t ahead_n, ahead_taken;
	char ahead[ahead_bytes];
};

static const char priorities[] = "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:%SERVER_PRECEDENCE";

static ssize_t fail(struct tls_link *link, int error)
{
	gnutls_transport_set_errno(link->session, error);
	return -1;
}

static ssize_t receive(struct tls_link *link, void *to, size_t size)
{
	ssize_t n;

	do
		n = recv(link->fd, to, size, MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n >= 0)
		link->owner.moved(link->owner.context);
	/* A short read has emptied the socket: what comes later wakes the library. */
	link->drained = n < 0 || (n > 0 && (size_t)n < size);
	link->looked_ns = *link->owner.turn_ns;
	return n < 0 ? fail(link, errno) : n;
}

/* The library asks again in its next turn. */
static bool must_wait(struct tls_link *link)
{
	if (link->ready || clock_mono_ns() - *link->owner.turn_ns < TLS_LINK_TURN_NS)
		return false;
	link->owner.moved(link->owner.context);
	return true;
}

/* Fills `ahead`; as recv(2). */
static ssize_t look_ahead(struct tls_link *link)
{
	ssize_t n = receive(link, link->ahead, sizeof link->ahead);

	link->ahead_taken = 0;
	link->ahead_n = n > 0 ? (size_t)n : 0;
	return n;
}

static ssize_t pull(gnutls_transport_ptr_t transport, void *to, size_t size)
{
	struct tls_link *link = transport;
	ssize_t n;

	if (link->ahead_taken == link->ahead_n) {
		if ((link->drained && link->looked_ns == *link->owner.turn_ns) || must_wait(link))
			return fail(link, EAGAIN);
		if (size >= sizeof link->ahead)
			return receive(link, to, size);
		n = look_ahead(link);
		if (n <= 0)
			return n;
	}
	if (size > link->ahead_n - link->ahead_taken)
		size = link->ahead_n - link->ahead_taken;
	memcpy(to, link->ahead + link->ahead_taken, size);
	link->ahead_taken += size;
	link->owner.moved(link->owner.context);
	return (ssize_t)size;
}

static int pull_timeout(gnutls_transport_ptr_t transport, unsigned ms)
{
	const struct tls_link *link = transport;
	struct pollfd look = {.fd = link->fd, .events = POLLIN};

	(void)ms; /* nothing here may wait */
	return link->ahead_n > link->ahead_taken || poll(&look, 1, 0) > 0;
}

static ssize_t push(gnutls_transport_ptr_t transport, const giovec_t *parts, int count)
{
	struct tls_link *link = transport;
	/* giovec_t is declared to be the same. */
	struct msghdr message = {
		.msg_iov = (struct iovec *)(uintptr_t)parts, .msg_iovlen = (size_t)count};
	ssize_t n;

	do
		n = sendmsg(link->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return fail(link, errno);
	link->owner.moved(link->owner.context);
	return n;
}

/*
 * Refuses the client. The library closes the connection of a handshake that fails without an
 * alert, so it is sent here.
 */
static int refuse(struct tls_link *link, gnutls_alert_description_t alert, const char *why)
{
	link->refused = why;
	gnutls_alert_send(link->session, GNUTLS_AL_FATAL, alert);
	return GNUTLS_E_CERTIFICATE_ERROR;
}

static int verify_client(gnutls_session_t session)
{
	struct tls_link *link = gnutls_transport_get_ptr(session);
	gnutls_typed_vdata_st purpose = {.type = GNUTLS_DT_KEY_PURPOSE_OID,
		.data = (unsigned char *)(uintptr_t)GNUTLS_KP_TLS_WWW_CLIENT};
	unsigned status = 0, n = 0;

	/* Absence is judged at the end of the handshake. */
	if (!gnutls_certificate_get_peers(session, &n) || n == 0)
		return 0;
	if (gnutls_certificate_verify_peers(session, &purpose, 1, &status) < 0)
		return refuse(link, GNUTLS_A_BAD_CERTIFICATE, "its certificate cannot be verified");
	if (status & GNUTLS_CERT_EXPIRED)
		return refuse(link, GNUTLS_A_CERTIFICATE_EXPIRED, "its certificate has expired");
	if (status & GNUTLS_CERT_SIGNER_NOT_FOUND)
		return refuse(link, GNUTLS_A_UNKNOWN_CA,
			"its certificate is not signed by an authority of tls.client_ca");
	if (status & GNUTLS_CERT_PURPOSE_MISMATCH)
		return refuse(link, GNUTLS_A_UNSUPPORTED_CERTIFICATE,
			"its certificate is not one for clients");
	return status ? refuse(link, GNUTLS_A_BAD_CERTIFICATE, "its certificate is not valid") : 0;
}

/* The client's Finished, which its certificate precedes, ends the handshake, or almost does. */
static int handshake_step(gnutls_session_t session, unsigned type, unsigned when, unsigned incoming,
	const gnutls_datum_t *message)
{
	struct tls_link *link = gnutls_transport_get_ptr(session);
	unsigned n = 0;

	(void)type, (void)when, (void)message;
	if (!incoming || link->ready)
		return 0;
	if (link->server->asks_clients && (!gnutls_certificate_get_peers(session, &n) || n == 0))
		return refuse(link, GNUTLS_A_CERTIFICATE_REQUIRED,
			"it shows no certificate (tls.client_ca)");
	link->ready = true;
	link->owner.ready(link->owner.context);
	return 0;
}

struct tls_link *tls_link_new(
	void *session, int fd, struct tls_server *server, const struct tls_link_owner *owner)
{
	struct tls_link *link = mem_new(struct tls_link);

	link->session = session;
	link->fd = fd;
	link->server = tls_server_ref(server);
	link->owner = *owner;
	gnutls_transport_set_ptr(session, link);
	gnutls_transport_set_pull_function(session, pull);
	gnutls_transport_set_pull_timeout_function(session, pull_timeout);
	gnutls_transport_set_vec_push_function(session, push);
	/* The owner's own deadline ends a handshake. */
	gnutls_handshake_set_timeout(session, GNUTLS_INDEFINITE_TIMEOUT);
	gnutls_handshake_set_hook_function(
		session, GNUTLS_HANDSHAKE_FINISHED, GNUTLS_HOOK_POST, handshake_step);
	if (gnutls_priority_set_direct(session, priorities, NULL) < 0 ||
		gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, server->x509) < 0)
		mem_exhausted();
	if (server->asks_clients) {
		gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUEST);
		gnutls_session_set_verify_function(session, verify_client);
	}
	return link;
}

void tls_link_free(struct tls_link *link)
{
	if (!link)
		return;
	gnutls_credentials_clear(link->session);
	tls_server_unref(link->server);
	mem_free(link);
}

const char *tls_link_refused(const struct tls_link *link)
{
	return link->refused;
}

static int no_certificate(gnutls_session_t session, const gnutls_datum_t *authorities, int count,
	const gnutls_pk_algorithm_t *algorithms, int algorithm_count, gnutls_pcert_st **ret,
	unsigned *ret_n, gnutls_privkey_t *ret_key)
{
	(void)session, (void)authorities, (void)count, (void)algorithms, (void)algorithm_count;
	(void)ret, (void)ret_n, (void)ret_key;
	return -1;
}

tls_link_callback tls_link_no_certificate(void)
{
	gnutls_certificate_retrieve_function2 *function = no_certificate;

	return (tls_link_callback)function;
}

bool tls_link_client(const struct tls_link *link, uint8_t digest[SHA256_BYTES])
{
	const gnutls_datum_t *chain;
	unsigned n = 0;

	if (!link->ready || !link->server->asks_clients)
		return false;
	chain = gnutls_certificate_get_peers(link->session, &n);
	if (!chain || n == 0)
		return false;
	crypto_sha256(slice_of((const char *)chain[0].data, chain[0].size), digest);
	return true;
}
