/* SPDX-License-Identifier: MIT */
/* The gate's Host rule. */
#include <arpa/inet.h>
#include <string.h>

#include "http/gate.h"
#include "text/field.h"

static bool is_port(struct slice text)
{
	if (text.n > 5)
		return false;
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] < '0' || text.p[i] > '9')
			return false;
	return true;
}

/* Splits host[:port] and [address]:port; false if it is neither. *ret_v6: it has brackets. */
static bool split_host(struct slice text, struct slice *ret_name, bool *ret_v6)
{
	const char *end = slice_end(text);
	const char *stop;

	*ret_v6 = text.n > 0 && text.p[0] == '[';
	if (*ret_v6) {
		stop = memchr(text.p, ']', text.n);
		if (!stop)
			return false;
		*ret_name = slice_of(text.p + 1, (size_t)(stop - text.p) - 1);
		stop++;
	} else {
		stop = text.n ? memchr(text.p, ':', text.n) : NULL;
		stop = stop ? stop : end;
		*ret_name = slice_of(text.p, (size_t)(stop - text.p));
	}
	if (ret_name->n == 0 || (stop < end && *stop != ':'))
		return false;
	return stop == end || is_port(slice_of(stop + 1, (size_t)(end - stop) - 1));
}

static bool is_address(struct slice name, bool v6)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr address;

	if (name.n >= sizeof text)
		return false;
	memcpy(text, name.p, name.n);
	text[name.n] = '\0';
	return inet_pton(v6 ? AF_INET6 : AF_INET, text, &address) == 1;
}

static bool is_listed(struct slice name, const struct gate_hosts *hosts)
{
	if (hosts->local && field_equal(name, SLICE("localhost")))
		return true;
	for (size_t i = 0; i < hosts->count; i++)
		if (field_equal(name, hosts->names[i]))
			return true;
	return false;
}

static bool is_name(struct slice name)
{
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
			c != '.' && c != '-' && c != '_')
			return false;
	}
	return true;
}

enum error gate_host(const struct head *head, const struct gate_hosts *hosts, struct fault *fault)
{
	struct slice name;
	bool v6;

	/*
	 * HTTP/1.0 has no Host, and health checks of load balancers send none; browsers always do.
	 */
	if (!head->host.p && head->is_http_1_0)
		return OK;
	if (!head->host.p)
		return fault_set(fault, ERR_BAD_REQUEST, "the Host header is missing");
	if (!split_host(head->host, &name, &v6) || (!v6 && !is_name(name)))
		return fault_set(fault, ERR_BAD_REQUEST,
			"the Host header, or the target's host, is not a host and port");
	if (hosts->any || is_address(name, v6) || (!v6 && is_listed(name, hosts)))
		return OK;
	return fault_set(fault, ERR_MISDIRECTED,
		"the host name %.*s is not served here: use an IP address, or add it to "
		"allowed_hosts",
		(int)(name.n < 255 ? name.n : 255), name.p);
}
