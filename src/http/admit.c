/* SPDX-License-Identifier: MIT */
/*
 * The order of the gate's checks, up to reading the body.
 *
 * Special: the route is looked up before the Host rule, because some routes are exempt from it, but
 * an unknown route is reported only after it, so that a wrong Host learns nothing.
 */
#include "base/clock.h"
#include "http/gate.h"
#include "http/login.h"
#include "http/reply.h"
#include "http/server_internal.h"

enum {
	second_ns = 1000000000,
	failures_burst = 10, /* invalid tokens of one address, then */
	failures_interval_s = 6,
};

static enum error check_host(const struct request *request, struct fault *fault)
{
	const struct conf *conf = request->conf;
	const struct route *route = request->match.route;
	struct gate_hosts hosts = {
		.names = conf->allowed_hosts,
		.count = conf->allowed_host_count,
		.local = request->connection->listener->endpoint.local,
		.any = route && (route->flags & ROUTE_ANY_HOST),
	};

	return gate_host(&request->head, &hosts, fault);
}

/* The checks that need only the head, up to the route. */
static enum error check_head(struct request *request, struct fault *fault)
{
	struct fault no_route;
	enum error error, route_error;

	error = gate_method(request->head.method, fault);
	if (!error)
		error = uri_parse(request->target.p, request->target.n, &request->uri, fault);
	if (!error)
		error = gate_fields(&request->head, fault);
	if (error)
		return error;
	/* RFC 9112, 3.2.2: the target's host replaces Host. */
	if (request->uri.authority.p)
		request->head.host = request->uri.authority;
	route_error = router_match(request->server->router, request->head.method, &request->uri,
		&request->match, &no_route);
	error = check_host(request, fault);
	if (!error)
		error = gate_framing(&request->head, fault);
	if (error || !route_error)
		return error;
	if (route_error == ERR_METHOD_NOT_ALLOWED)
		reply_header(request, "Allow", request->match.allow);
	*fault = no_route;
	return route_error;
}

static enum error too_many(
	struct request *request, int wait_s, const char *what, struct fault *fault)
{
	reply_retry_after(request, wait_s);
	return fault_set(fault, ERR_TOO_MANY_REQUESTS, "%s: wait %d s", what, wait_s);
}

/* `rate` per second with twice that at once; 0 = unlimited. */
static bool take_rate(struct limit *limit, int64_t rate, int64_t now_ns, int *ret_wait_s)
{
	return rate <= 0 || limit_take(limit, second_ns / rate, 2 * rate, now_ns, ret_wait_s);
}

/* Limits the replies to invalid tokens, so that guessing is slow; valid tokens are not limited. */
enum error admit_refuse_caller(struct request *request, enum error error, struct fault *fault)
{
	struct limit *failures = peer_failures(request->connection->peer);
	int wait_s;

	if (request->auth.failed && !limit_take(failures, (int64_t)failures_interval_s * second_ns,
					    failures_burst, request->began_ns, &wait_s))
		return too_many(request, wait_s, "too many invalid tokens", fault);
	reply_header(request, "WWW-Authenticate", request->auth.challenge);
	return error;
}

static enum error check_token(struct request *request, struct fault *fault)
{
	const struct connection *connection = request->connection;
	const struct login *login = login_of(request);
	struct auth_proof proof = {
		.authorization = request->head.authorization,
		.login = login ? login->token_sha256 : NULL,
	};
	uint8_t digest[SHA256_BYTES];

	if (connection->tls && tls_link_client(connection->tls, digest))
		proof.certificate = digest;
	return auth_check(request->conf, request->match.route, &proof, clock_wall_ms(),
		&request->auth, fault);
}

static bool take_peer_rate(const struct request *request, int *ret_wait_s)
{
	return take_rate(peer_requests(request->connection->peer),
		request->conf->limits.requests_per_second, request->began_ns, ret_wait_s);
}

static bool take_token_rate(const struct request *request, int *ret_wait_s)
{
	const struct conf_token *token = request->auth.token;

	return token->requests_per_second <= 0 ||
	       take_rate(limits_of(request->server->token_limits, token->name),
		       token->requests_per_second, request->began_ns, ret_wait_s);
}

/* Of a browser: whether the page that made it send the request may do that. */
static enum error check_page(const struct request *request, struct fault *fault)
{
	return gate_is_read(request->head.method) ? OK : request_may_change(request, fault);
}

static enum error check_caller(struct request *request, struct fault *fault)
{
	enum error error = check_token(request, fault);
	int wait_s;

	if (error)
		return admit_refuse_caller(request, error, fault);
	error = check_page(request, fault);
	if (error || !request->auth.token)
		return error;
	if (!take_token_rate(request, &wait_s))
		return too_many(request, wait_s, "the token's requests_per_second", fault);
	return OK;
}

bool admit_may_use(struct request *request)
{
	struct fault fault;
	int wait_s;

	/* The route is looked up after the fields were found whole. */
	if (!request->match.route || check_host(request, &fault) ||
		!take_peer_rate(request, &wait_s) || check_token(request, &fault))
		return false;
	if (check_page(request, &fault))
		return false;
	return !request->auth.token || take_token_rate(request, &wait_s);
}

/* A route that takes any bytes takes a value. A body larger than the budget could never be read. */
static int64_t body_limit(const struct conf *conf, const struct route *route)
{
	if (!(route->flags & ROUTE_BYTES))
		return conf->limits.body_bytes;
	return conf->max_value_bytes < BODY_BUDGET ? conf->max_value_bytes : BODY_BUDGET;
}

static enum error check_all(struct request *request, struct fault *fault)
{
	const struct conf *conf = request->conf;
	enum error error = check_head(request, fault);
	int wait_s;

	if (!error)
		error = gate_body(&request->head, request->match.route,
			body_limit(conf, request->match.route), fault);
	if (error)
		return error;
	if (!take_peer_rate(request, &wait_s))
		return too_many(request, wait_s, "limits.requests_per_second", fault);
	error = gate_query(&request->uri, request->match.route, fault);
	if (!error)
		error = gate_conditions(&request->head, request->match.route, fault);
	return error ? error : check_caller(request, fault);
}

enum error admit_request(struct request *request, struct fault *fault)
{
	enum error error;

	request->conf = conf_ref(request->server->conf);
	error = check_all(request, fault);
	request_set_id(request);
	request_set_trace(request);
	return error;
}
