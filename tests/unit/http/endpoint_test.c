/* SPDX-License-Identifier: MIT */
#include "http/endpoint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "../unit.h"
#include "base/mem.h"

static char folder[] = "/tmp/cachewarden-endpoint-XXXXXX";
static char path[128];
static struct endpoint endpoint, second;
static struct fault fault;

static struct conf_listen unix_listen(unsigned mode)
{
	return (struct conf_listen){.kind = LISTEN_UNIX, .text = path, .path = path, .mode = mode};
}

static struct conf_listen tcp_listen(char *host, uint16_t port)
{
	return (struct conf_listen){.kind = LISTEN_TCP, .text = host, .host = host, .port = port};
}

static void make_folder(void)
{
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/a.sock", folder);
}

static void remove_folder(void)
{
	ck_assert_int_eq(rmdir(folder), 0);
}

START_TEST(a_tcp_endpoint_reports_its_port)
{
	struct conf_listen v4 = tcp_listen("127.0.0.1", 0), v6 = tcp_listen("::1", 0);
	unsigned port = 0;

	ck_assert_int_eq(endpoint_bind(&v4, false, &endpoint, &fault), OK);
	ck_assert_int_eq(sscanf(endpoint.address, "http://127.0.0.1:%u", &port), 1);
	ck_assert_uint_gt(port, 0);
	ck_assert(endpoint.loopback && !endpoint.local && !endpoint.passed);
	v4.port = (uint16_t)port;
	ck_assert_int_eq(endpoint_bind(&v4, false, &second, &fault), ERR_BAD_CONFIG);
	ck_assert_ptr_nonnull(strstr(fault.detail, "in use"));
	endpoint_close(&endpoint);
	/* A machine may be without IPv6. */
	if (endpoint_bind(&v6, false, &endpoint, &fault) == OK) {
		ck_assert(strncmp(endpoint.address, "http://[::1]:", 13) == 0);
		ck_assert(endpoint.loopback);
		endpoint_close(&endpoint);
	}
}
END_TEST

START_TEST(other_addresses_are_not_loopback)
{
	struct conf_listen any = tcp_listen("0.0.0.0", 0), name = tcp_listen("localhost", 0);

	ck_assert_int_eq(endpoint_bind(&any, false, &endpoint, &fault), OK);
	ck_assert(!endpoint.loopback);
	endpoint_close(&endpoint);
	ck_assert_int_eq(endpoint_bind(&name, false, &endpoint, &fault), ERR_BAD_CONFIG);
}
END_TEST

START_TEST(a_socket_file_has_its_mode_and_is_removed_with_the_endpoint)
{
	struct conf_listen listen_at = unix_listen(0620);
	struct stat is;

	make_folder();
	ck_assert_int_eq(endpoint_bind(&listen_at, false, &endpoint, &fault), OK);
	ck_assert(endpoint.local && endpoint.loopback);
	ck_assert(strncmp(endpoint.address, "unix:/", 6) == 0);
	ck_assert_int_eq(stat(path, &is), 0);
	ck_assert_uint_eq(is.st_mode & 0777, 0620);
	endpoint_close(&endpoint);
	ck_assert_int_ne(stat(path, &is), 0);
	endpoint_close(&endpoint);
	remove_folder();
}
END_TEST

START_TEST(a_stale_socket_file_is_replaced_and_a_live_one_is_not)
{
	struct conf_listen listen_at = unix_listen(0600);

	make_folder();
	ck_assert_int_eq(endpoint_bind(&listen_at, false, &endpoint, &fault), OK);
	ck_assert_int_eq(endpoint_bind(&listen_at, false, &second, &fault), ERR_BAD_CONFIG);
	ck_assert_ptr_nonnull(strstr(fault.detail, "in use by another process"));
	ck_assert(fault.temporary);
	/* As after kill -9: the file without anyone behind it. */
	close(endpoint.fd);
	endpoint.fd = -1;
	usleep(20000); /* the file system's clock is coarse */
	ck_assert_int_eq(endpoint_bind(&listen_at, false, &second, &fault), OK);
	/* The file is not the first one's any more. */
	endpoint_close(&endpoint);
	ck_assert_int_eq(access(path, F_OK), 0);
	endpoint_close(&second);
	remove_folder();
}
END_TEST

START_TEST(what_is_not_a_socket_is_not_replaced)
{
	struct conf_listen listen_at = unix_listen(0600);
	FILE *file;

	make_folder();
	file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	fclose(file);
	ck_assert_int_eq(endpoint_bind(&listen_at, false, &endpoint, &fault), ERR_BAD_CONFIG);
	ck_assert_ptr_nonnull(strstr(fault.detail, "not a socket"));
	ck_assert_int_eq(access(path, F_OK), 0);
	unlink(path);
	remove_folder();
}
END_TEST

START_TEST(a_path_that_is_too_long_is_refused)
{
	struct conf_listen listen_at = unix_listen(0600);

	memset(path, 'a', 108);
	path[0] = '/';
	path[108] = '\0';
	ck_assert_int_eq(endpoint_bind(&listen_at, false, &endpoint, &fault), ERR_BAD_CONFIG);
	ck_assert_ptr_nonnull(strstr(fault.detail, "107 bytes"));
}
END_TEST

START_TEST(a_passed_socket_is_taken_and_stays_open)
{
	struct conf_listen listen_at = tcp_listen("127.0.0.1", 0);

	ck_assert_int_eq(endpoint_bind(&listen_at, false, &endpoint, &fault), OK);
	ck_assert_int_eq(endpoint_take(endpoint.fd, false, &second, &fault), OK);
	ck_assert_str_eq(second.address, endpoint.address);
	ck_assert(second.passed && second.loopback);
	endpoint_close(&second);
	ck_assert_int_eq(endpoint_take(endpoint.fd, false, &second, &fault), OK);
	endpoint_close(&second);
	endpoint_close(&endpoint);
}
END_TEST

START_TEST(other_descriptors_are_not_taken)
{
	int fds[2], plain = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(pipe(fds), 0);
	ck_assert_int_eq(endpoint_take(fds[0], false, &endpoint, &fault), ERR_BAD_CONFIG);
	ck_assert_int_eq(endpoint_take(plain, false, &endpoint, &fault), ERR_BAD_CONFIG);
	close(fds[0]);
	close(fds[1]);
	close(plain);
}
END_TEST

TEST_SUITE("endpoint", a_tcp_endpoint_reports_its_port, other_addresses_are_not_loopback,
	a_socket_file_has_its_mode_and_is_removed_with_the_endpoint,
	a_stale_socket_file_is_replaced_and_a_live_one_is_not, what_is_not_a_socket_is_not_replaced,
	a_path_that_is_too_long_is_refused, a_passed_socket_is_taken_and_stays_open,
	other_descriptors_are_not_taken)
