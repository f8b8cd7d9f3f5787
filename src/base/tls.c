/* SPDX-License-Identifier: MIT */
/* TLS without sockets: GnuTLS reads from and writes to memory; see tls.h. */
#include "base/tls.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

struct tls_credentials {
	unsigned references;
	gnutls_certificate_credentials_t x509;
};

struct tls {
	struct tls_credentials *credentials;
	gnutls_session_t session;
	char *name;
	struct buf in, out;
	size_t taken; /* bytes of `in` that GnuTLS has read */
	enum error broken;
};

static const char priorities[] = "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2";

static enum error unreadable(struct fault *fault, const char *what, const char *path, int status)
{
	return fault_set(fault, ERR_BAD_CONFIG, "%s %s: %s", what, path, gnutls_strerror(status));
}

/* GnuTLS does not say why a file cannot be opened, and would wait for the writer of a FIFO. */
static enum error check_readable(const char *what, const char *path, struct fault *fault)
{
	struct stat st;

	if (access(path, R_OK) != 0 || stat(path, &st) != 0)
		return fault_set(fault, ERR_BAD_CONFIG, "%s %s: %s", what, path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return fault_set(fault, ERR_BAD_CONFIG, "%s %s is not a regular file", what, path);
	return OK;
}

static enum error load_own(
	gnutls_certificate_credentials_t x509, const struct tls_files *files, struct fault *fault)
{
	if (!files->certificate)
		return OK;
	if (check_readable("the certificate", files->certificate, fault) ||
		check_readable("the key", files->key, fault))
		return ERR_BAD_CONFIG;
	int status = gnutls_certificate_set_x509_key_file(
		x509, files->certificate, files->key, GNUTLS_X509_FMT_PEM);

	if (status == GNUTLS_E_CERTIFICATE_KEY_MISMATCH)
		return fault_set(fault, ERR_BAD_CONFIG,
			"the key %s is not that of the certificate %s", files->key,
			files->certificate);
	return status < 0
		       ? unreadable(fault, "the certificate or its key", files->certificate, status)
		       : OK;
}

static enum error load_authorities(
	gnutls_certificate_credentials_t x509, const struct tls_files *files, struct fault *fault)
{
	if (files->ca && check_readable("the CA file", files->ca, fault))
		return ERR_BAD_CONFIG;
	int count = files->ca ? gnutls_certificate_set_x509_trust_file(
					x509, files->ca, GNUTLS_X509_FMT_PEM)
			      : gnutls_certificate_set_x509_system_trust(x509);

	if (count > 0)
		return OK;
	if (files->ca && count == 0)
		return fault_set(
			fault, ERR_BAD_CONFIG, "the CA file %s has no certificate", files->ca);
	return files->ca ? unreadable(fault, "the CA file", files->ca, count) : OK;
}

enum error tls_credentials_load(
	const struct tls_files *files, struct tls_credentials **ret, struct fault *fault)
{
	gnutls_certificate_credentials_t x509;

	if (gnutls_certificate_allocate_credentials(&x509) < 0)
		mem_exhausted();
	/* The own ones first: that costs little where they are at fault. */
	enum error error = load_own(x509, files, fault);
	if (!error)
		error = load_authorities(x509, files, fault);
	if (error) {
		gnutls_certificate_free_credentials(x509);
		return error;
	}
	*ret = mem_new(struct tls_credentials);
	(*ret)->references = 1;
	(*ret)->x509 = x509;
	return OK;
}

static struct tls_credentials *tls_credentials_ref(struct tls_credentials *credentials)
{
	credentials->references++;
	return credentials;
}

void tls_credentials_unref(struct tls_credentials *credentials)
{
	if (!credentials || --credentials->references > 0)
		return;
	gnutls_certificate_free_credentials(credentials->x509);
	mem_free(credentials);
}

static ssize_t pull(gnutls_transport_ptr_t transport, void *to, size_t size)
{
	struct tls *tls = transport;
	size_t left = tls->in.n - tls->taken, n = size < left ? size : left;

	if (n == 0) {
		gnutls_transport_set_errno(tls->session, EAGAIN);
		return -1;
	}
	memcpy(to, tls->in.p + tls->taken, n);
	tls->taken += n;
	if (tls->taken == tls->in.n) {
		buf_clear(&tls->in);
		tls->taken = 0;
	}
	return (ssize_t)n;
}

static ssize_t push(gnutls_transport_ptr_t transport, const void *records, size_t n)
{
	struct tls *tls = transport;

	buf_append(&tls->out, records, n);
	return (ssize_t)n;
}

/* GnuTLS asks before it reads; without this it would look at a file descriptor. */
static int pull_timeout(gnutls_transport_ptr_t transport, unsigned ms)
{
	const struct tls *tls = transport;

	(void)ms;
	return tls->in.n > tls->taken;
}

static bool is_address(const char *name)
{
	unsigned char room[sizeof(struct in6_addr)];

	return inet_pton(AF_INET, name, room) == 1 || inet_pton(AF_INET6, name, room) == 1;
}

static void set_peer(struct tls *tls, const struct tls_options *options)
{
	if (options->name && !is_address(options->name))
		gnutls_server_name_set(
			tls->session, GNUTLS_NAME_DNS, options->name, strlen(options->name));
	if (options->verify == TLS_VERIFY_NONE)
		return;
	bool named = options->verify == TLS_VERIFY_FULL;
	/* GnuTLS keeps the pointer. */
	assert(!named || options->name);
	tls->name = named ? mem_strdup(options->name) : NULL;
	gnutls_session_set_verify_cert(tls->session, tls->name, 0);
}

struct tls *tls_new(const struct tls_options *options)
{
	struct tls *tls = mem_new(struct tls);

	assert(options->broken != OK);
	tls->broken = options->broken;
	tls->credentials = tls_credentials_ref(options->credentials);
	if (gnutls_init(&tls->session, GNUTLS_CLIENT | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL) < 0)
		mem_exhausted();
	if (gnutls_priority_set_direct(tls->session, priorities, NULL) < 0 ||
		gnutls_credentials_set(
			tls->session, GNUTLS_CRD_CERTIFICATE, options->credentials->x509) < 0)
		mem_exhausted();
	gnutls_transport_set_ptr(tls->session, tls);
	gnutls_transport_set_pull_function(tls->session, pull);
	gnutls_transport_set_pull_timeout_function(tls->session, pull_timeout);
	gnutls_transport_set_push_function(tls->session, push);
	/* The caller's own deadline ends a handshake. */
	gnutls_handshake_set_timeout(tls->session, GNUTLS_INDEFINITE_TIMEOUT);
	set_peer(tls, options);
	if (options->ticket.n)
		gnutls_session_set_data(tls->session, options->ticket.p, options->ticket.n);
	return tls;
}

void tls_free(struct tls *tls)
{
	if (!tls)
		return;
	gnutls_deinit(tls->session);
	tls_credentials_unref(tls->credentials);
	mem_free(tls->name);
	buf_release(&tls->in);
	buf_release(&tls->out);
	mem_free(tls);
}

bool tls_began_with(const struct tls *tls, const struct tls_credentials *credentials)
{
	return tls->credentials == credentials;
}

void tls_receive(struct tls *tls, struct slice records)
{
	if (tls->taken > 0) {
		buf_consume(&tls->in, tls->taken);
		tls->taken = 0;
	}
	buf_add(&tls->in, records);
}

struct buf *tls_output(struct tls *tls)
{
	return &tls->out;
}

/* The first reason that says what has to be done. */
static const char *untrusted(const struct tls *tls)
{
	static const struct {
		unsigned bit;
		const char *text;
	} reasons[] = {
		{GNUTLS_CERT_EXPIRED, "its certificate has expired"},
		{GNUTLS_CERT_NOT_ACTIVATED, "its certificate is not valid yet"},
		{GNUTLS_CERT_UNEXPECTED_OWNER, "its certificate is for another name"},
		{GNUTLS_CERT_REVOKED, "its certificate has been revoked"},
		{GNUTLS_CERT_SIGNER_NOT_FOUND,
			"its certificate is not signed by a trusted authority"},
		/* A trusted authority has the same name, and another key. */
		{GNUTLS_CERT_SIGNATURE_FAILURE,
			"its certificate is not signed by a trusted authority"},
		{GNUTLS_CERT_SIGNER_NOT_CA,
			"its certificate is signed by a certificate that is not an authority's"},
		{GNUTLS_CERT_INSECURE_ALGORITHM, "its certificate uses an insecure algorithm"},
	};
	unsigned status = gnutls_session_get_verify_cert_status(tls->session);

	for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
		if (status & reasons[i].bit)
			return reasons[i].text;
	return "its certificate cannot be verified";
}

/* What an alert of the peer means, in words that say what to do. */
static const char *alert_text(gnutls_alert_description_t alert)
{
	switch (alert) {
	case GNUTLS_A_CERTIFICATE_REQUIRED:
		return "it requires a client certificate";
	case GNUTLS_A_UNKNOWN_CA:
	case GNUTLS_A_BAD_CERTIFICATE:
	case GNUTLS_A_CERTIFICATE_UNKNOWN:
	case GNUTLS_A_ACCESS_DENIED:
		return "it does not accept our client certificate";
	case GNUTLS_A_CERTIFICATE_EXPIRED:
		return "it says that our client certificate has expired";
	case GNUTLS_A_PROTOCOL_VERSION:
		return "it speaks neither TLS 1.2 nor TLS 1.3";
	default:
		return NULL;
	}
}

static enum error explain(const struct tls *tls, int status, struct fault *fault)
{
	if (status == GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR)
		return fault_set(fault, tls->broken, "%s", untrusted(tls));
	if (status == GNUTLS_E_FATAL_ALERT_RECEIVED) {
		gnutls_alert_description_t alert = gnutls_alert_get(tls->session);
		const char *text = alert_text(alert);

		return fault_set(fault, tls->broken, "%s%s",
			text ? text : "TLS alert: ", text ? "" : gnutls_alert_get_name(alert));
	}
	if (status == GNUTLS_E_UNEXPECTED_PACKET_LENGTH || status == GNUTLS_E_RECORD_OVERFLOW ||
		status == GNUTLS_E_UNSUPPORTED_VERSION_PACKET ||
		status == GNUTLS_E_UNEXPECTED_PACKET)
		return fault_set(fault, tls->broken, "it does not speak TLS");
	return fault_set(fault, tls->broken, "TLS: %s", gnutls_strerror(status));
}

enum error tls_handshake(struct tls *tls, bool *ret_done, struct fault *fault)
{
	int status;

	do
		status = gnutls_handshake(tls->session);
	while (status < 0 && status != GNUTLS_E_AGAIN && !gnutls_error_is_fatal(status));
	*ret_done = status == GNUTLS_E_SUCCESS;
	if (*ret_done || status == GNUTLS_E_AGAIN)
		return OK;
	gnutls_alert_send_appropriate(tls->session, status);
	return explain(tls, status, fault);
}

enum tls_read tls_read(struct tls *tls, char *to, size_t size, size_t *ret_n, struct fault *fault)
{
	for (;;) {
		size_t left = tls->in.n - tls->taken;
		ssize_t n = gnutls_record_recv(tls->session, to, size);

		if (n > 0) {
			*ret_n = (size_t)n;
			return TLS_READ_SOME;
		}
		if (n == 0)
			return TLS_READ_END;
		/* GnuTLS also says so behind a ticket or a new key, when more has come already. */
		if (n == GNUTLS_E_AGAIN && (left == 0 || tls->in.n - tls->taken == left))
			return TLS_READ_NONE;
		if (gnutls_error_is_fatal((int)n) || n == GNUTLS_E_REHANDSHAKE) {
			explain(tls, (int)n, fault);
			return TLS_READ_BROKEN;
		}
	}
}

bool tls_write(struct tls *tls, struct slice plain)
{
	while (plain.n > 0) {
		ssize_t n = gnutls_record_send(tls->session, plain.p, plain.n);

		/* push() never asks to wait. */
		if (n < 0)
			return false;
		plain = slice_skip(plain, (size_t)n);
	}
	return true;
}

bool tls_ticket(struct tls *tls, struct buf *out)
{
	gnutls_datum_t data;

	/* Without one GnuTLS would wait for it. */
	if (!(gnutls_session_get_flags(tls->session) & GNUTLS_SFLAGS_SESSION_TICKET) ||
		gnutls_session_get_data2(tls->session, &data) < 0)
		return false;
	buf_append(out, data.data, data.size);
	gnutls_free(data.data);
	return true;
}
