/* SPDX-License-Identifier: MIT */
/* TLS between a session of ours and a server that both live in memory. */
#include "base/tls.h"

#include <errno.h>
#include <gnutls/gnutls.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../certificate.h"
#include "../unit.h"
#include "base/mem.h"

/* The server's end. */
static struct {
	struct certificate shown;
	gnutls_session_t session;
	struct buf in, out;
} server;

static ssize_t server_pull(gnutls_transport_ptr_t transport, void *to, size_t size)
{
	size_t n = size < server.in.n ? size : server.in.n;

	(void)transport;
	if (n == 0) {
		gnutls_transport_set_errno(server.session, EAGAIN);
		return -1;
	}
	memcpy(to, server.in.p, n);
	buf_consume(&server.in, n);
	return (ssize_t)n;
}

static ssize_t server_push(gnutls_transport_ptr_t transport, const void *records, size_t n)
{
	(void)transport;
	buf_append(&server.out, records, n);
	return (ssize_t)n;
}

static int server_wait(gnutls_transport_ptr_t transport, unsigned ms)
{
	(void)transport;
	(void)ms;
	return server.in.n > 0;
}

static void setup(void)
{
	memset(&server, 0, sizeof server);
	certificate_make(&server.shown, "localhost", 3600);
}

static void end_session(void)
{
	gnutls_deinit(server.session);
	buf_release(&server.in);
	buf_release(&server.out);
}

static void teardown(void)
{
	certificate_release(&server.shown);
}

static void begin_session(void)
{
	gnutls_init(&server.session, GNUTLS_SERVER | GNUTLS_NONBLOCK);
	gnutls_set_default_priority(server.session);
	gnutls_credentials_set(server.session, GNUTLS_CRD_CERTIFICATE, server.shown.credentials);
	gnutls_transport_set_pull_function(server.session, server_pull);
	gnutls_transport_set_push_function(server.session, server_push);
	gnutls_transport_set_pull_timeout_function(server.session, server_wait);
}

static struct tls_credentials *credentials(void)
{
	setup();
	struct tls_credentials *ret = NULL;
	struct fault fault = {0};

	ck_assert_msg(tls_credentials_load(
			      &(struct tls_files){.ca = server.shown.file}, &ret, &fault) == OK,
		"%s", fault.detail);
	return ret;
}

static struct tls *client(struct tls_credentials *from)
{
	return tls_new(&(struct tls_options){
		.credentials = from, .name = "localhost", .broken = ERR_SOURCE_FAILED});
}

static void to_server(struct tls *tls)
{
	struct buf *out = tls_output(tls);

	buf_add(&server.in, buf_slice(out));
	buf_clear(out);
}

/* Both ends to the end of the handshake; the client gets `step` bytes at a time. */
static enum error shake_hands(struct tls *tls, size_t step, struct fault *fault)
{
	enum error error = OK;
	bool done = false;
	int status = GNUTLS_E_AGAIN;

	for (int i = 0; i < 10 && !error && !(done && status == 0); i++) {
		if (!done)
			error = tls_handshake(tls, &done, fault);
		to_server(tls);
		if (status < 0)
			status = gnutls_handshake(server.session);
		while (server.out.n > 0 && !done && !error) {
			size_t n = server.out.n < step ? server.out.n : step;

			tls_receive(tls, slice_of(server.out.p, n));
			buf_consume(&server.out, n);
			error = tls_handshake(tls, &done, fault);
		}
	}
	return error;
}

static void receive(struct tls *tls, size_t step, struct buf *plain)
{
	struct fault fault;
	char room[100];
	size_t n;

	while (server.out.n > 0) {
		n = server.out.n < step ? server.out.n : step;
		tls_receive(tls, slice_of(server.out.p, n));
		buf_consume(&server.out, n);
		while (tls_read(tls, room, sizeof room, &n, &fault) == TLS_READ_SOME)
			buf_append(plain, room, n);
	}
}

START_TEST(records_may_come_in_any_pieces)
{
	static const size_t steps[] = {1, 7, 1000, SIZE_MAX};
	struct tls_credentials *from = credentials();
	struct fault fault = {0};

	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
		struct buf plain = {0};
		char echo[40];

		begin_session();
		struct tls *tls = client(from);
		ck_assert_msg(shake_hands(tls, steps[i], &fault) == OK, "%s", fault.detail);
		gnutls_record_send(server.session, "hello", 5);
		gnutls_record_send(server.session, " there", 6);
		receive(tls, steps[i], &plain);
		ck_assert_str_eq(plain.p, "hello there");
		ck_assert(tls_write(tls, SLICE("and back")));
		to_server(tls);
		ck_assert_int_eq(gnutls_record_recv(server.session, echo, sizeof echo), 8);
		buf_release(&plain);
		tls_free(tls);
		end_session();
	}
	tls_credentials_unref(from);
	teardown();
}
END_TEST

START_TEST(what_was_altered_is_not_passed_on)
{
	struct tls_credentials *from = credentials();
	struct fault fault = {0};
	char room[40];
	size_t n = 0;

	begin_session();
	struct tls *tls = client(from);
	ck_assert_int_eq(shake_hands(tls, SIZE_MAX, &fault), OK);
	buf_clear(&server.out);
	gnutls_record_send(server.session, "hello", 5);
	server.out.p[server.out.n - 1] ^= 1;
	tls_receive(tls, buf_slice(&server.out));
	ck_assert_int_eq(tls_read(tls, room, sizeof room, &n, &fault), TLS_READ_BROKEN);
	ck_assert_int_eq(fault.error, ERR_SOURCE_FAILED);
	tls_free(tls);
	end_session();
	tls_credentials_unref(from);
	teardown();
}
END_TEST

START_TEST(the_peer_may_end_it)
{
	struct tls_credentials *from = credentials();
	struct buf plain = {0};
	struct fault fault = {0};
	char room[40];
	size_t n = 0;

	begin_session();
	struct tls *tls = client(from);
	ck_assert_int_eq(shake_hands(tls, SIZE_MAX, &fault), OK);
	receive(tls, SIZE_MAX, &plain);
	gnutls_bye(server.session, GNUTLS_SHUT_WR);
	tls_receive(tls, buf_slice(&server.out));
	ck_assert_int_eq(tls_read(tls, room, sizeof room, &n, &fault), TLS_READ_END);
	buf_release(&plain);
	tls_free(tls);
	end_session();
	tls_credentials_unref(from);
	teardown();
}
END_TEST

START_TEST(a_peer_without_tls_is_said_to_be_one)
{
	struct tls_credentials *from = credentials();
	struct tls *tls = client(from);
	struct fault fault = {0};
	bool done;

	ck_assert_int_eq(tls_handshake(tls, &done, &fault), OK);
	tls_receive(tls, SLICE("-ERR unknown command\r\n"));
	ck_assert_int_eq(tls_handshake(tls, &done, &fault), ERR_SOURCE_FAILED);
	ck_assert_str_eq(fault.detail, "it does not speak TLS");
	tls_free(tls);
	tls_credentials_unref(from);
	teardown();
}
END_TEST

START_TEST(files_that_are_of_no_use_are_named)
{
	struct tls_credentials *ret = NULL;
	struct fault fault = {0};
	static const struct {
		struct tls_files files;
		const char *says;
	} cases[] = {
		{{.ca = "/nowhere/ca"}, "the CA file /nowhere/ca: No such file or directory"},
		{{.ca = "/dev/null"}, "the CA file /dev/null is not a regular file"},
		{{.certificate = "/nowhere/c", .key = "/etc/passwd"},
			"the certificate /nowhere/c: No such file or directory"},
		{{.certificate = "/etc/passwd", .key = "/nowhere/k"},
			"the key /nowhere/k: No such file or directory"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		ck_assert_int_eq(
			tls_credentials_load(&cases[i].files, &ret, &fault), ERR_BAD_CONFIG);
		ck_assert_str_eq(fault.detail, cases[i].says);
	}
}
END_TEST

TEST_SUITE("tls", records_may_come_in_any_pieces, what_was_altered_is_not_passed_on,
	the_peer_may_end_it, a_peer_without_tls_is_said_to_be_one,
	files_that_are_of_no_use_are_named)
