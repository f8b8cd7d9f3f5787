/* SPDX-License-Identifier: MIT */
/* One server: its life, its connections by priority, and what is sent to it; see node.h. */
#include "redis/node.h"

#include <string.h>

#include "base/mem.h"
#include "redis/node_internal.h"

enum {
	max_waiting = 1536, /* a read needs three */
	max_waiting_bytes = 64 << 20,
	max_waiting_bulk_bytes = 256 << 20,
};

static char *copy(const char *text)
{
	return text ? mem_strdup(text) : NULL;
}

static void take_changeable(struct redis_node *node, const struct conf_redis *conf)
{
	struct conn_config *config = &node->config;

	mem_free(config->username);
	mem_free(config->password);
	mem_free(config->password_file);
	config->username = copy(conf->username);
	config->password = copy(conf->password);
	config->password_file = copy(conf->password_file);
	node_refresh_every(node, conf->refresh_every_ms);
	config->connect_timeout_ms = conf->connect_timeout_ms;
	config->command_timeout_ms = conf->command_timeout_ms;
	conn_tls_configure(&node->tls, conf);
	breaker_configure(&node->breaker, conf->breaker_failures, conf->breaker_probe_every_ms, 1);
}

static void take_tcp(struct conn_config *config, const char *host, uint16_t port)
{
	mem_free(config->name);
	mem_free(config->host);
	config->host = mem_strdup(host);
	config->port = port;
	config->name = mem_printf(strchr(host, ':') ? "[%s]:%u" : "%s:%u", host, (unsigned)port);
}

static void take_address(struct conn_config *config, const struct conf_redis *conf)
{
	config->database = conf->database;
	if (conf->kind == REDIS_URL_TCP) {
		take_tcp(config, conf->host, conf->port);
	} else if (conf->kind == REDIS_URL_SENTINEL) {
		config->name = mem_strdup(conf->master);
	} else {
		config->path = mem_strdup(conf->path);
		config->name = mem_printf("unix:%s", conf->path);
	}
}

struct redis_node *redis_node_new(const struct redis_node_options *options)
{
	struct redis_node *node = mem_new(struct redis_node);

	node->refs = 1;
	node->loop = options->loop;
	node->bus = options->bus;
	node->metrics = options->metrics;
	node->log = options->log;
	node->changed = options->changed;
	node->changed_context = options->context;
	node->config.in_cluster = node->capabilities.in_cluster = options->in_cluster;
	node->config.printed = options->password;
	node_watch_init(node);
	take_address(&node->config, options->conf);
	take_changeable(node, options->conf);
	node->config.capabilities = &node->capabilities;
	node->config.tls = &node->tls;
	node->config.spare_key = mem_printf("%snone", options->conf->own_prefix);
	node->state.status = REDIS_DOWN;
	node->state.since_wall_ms = node->state.breaker_since_wall_ms = clock_wall_ms();
	for (int use = 0; use < NODE_USES; use++) {
		struct member *member = &node->members[use];

		member->node = node;
		member->use = (enum node_use)use;
		member->conn = conn_new(node->loop, &node->config, &node_conn_events, member);
		if (use == USE_WRITES)
			conn_write(member->conn);
	}
	return node;
}

struct redis_node *redis_node_ref(struct redis_node *node)
{
	node->refs++;
	return node;
}

/* Once there is no reference to it and libuv has closed its handles. */
static void destroy_unused(struct redis_node *node)
{
	if (node->refs || node->timers)
		return;
	mem_free(node->config.name);
	mem_free(node->config.host);
	mem_free(node->config.path);
	mem_free(node->config.spare_key);
	mem_free(node->config.username);
	mem_free(node->config.password);
	mem_free(node->config.password_file);
	conn_tls_release(&node->tls);
	mem_free(node);
}

static void timer_closed(uv_handle_t *handle)
{
	struct redis_node *node = handle->data;

	node->timers--;
	destroy_unused(node);
}

void redis_node_retire(struct redis_node *node, enum error error, const char *why)
{
	struct fault fault;

	if (node->retired)
		return;
	node->retired = true;
	fault_set(&fault, error, "%s", why);
	node->state.status = REDIS_DOWN;
	node->state.last_error = fault;
	for (int use = 0; use < NODE_USES; use++) {
		conn_free(node->members[use].conn, &fault);
		node->members[use].conn = NULL;
	}
	node_watch_end(node);
	uv_close((uv_handle_t *)&node->watch, timer_closed);
	uv_close((uv_handle_t *)&node->refresh, timer_closed);
}

bool redis_node_retired(const struct redis_node *node)
{
	return node->retired;
}

void redis_node_unref(struct redis_node *node)
{
	if (!node || --node->refs)
		return;
	redis_node_retire(node, ERR_STOPPING, "the connection to Redis is being closed");
	destroy_unused(node);
}

void redis_node_reconfigure(struct redis_node *node, const struct conf_redis *conf)
{
	if (node->retired)
		return;
	take_changeable(node, conf);
	for (int use = 0; use < NODE_USES; use++)
		conn_retry(node->members[use].conn);
}

struct capabilities_server node_server(const struct redis_node *node)
{
	return (struct capabilities_server){.capabilities = &node->capabilities,
		.kind = node->state.kind,
		.name = node->config.name,
		.user = node->config.username,
		.key = node->config.spare_key};
}

enum error redis_node_allow(
	const struct redis_node *node, enum redis_feature feature, struct fault *fault)
{
	struct capabilities_server server = node_server(node);

	return capabilities_allow(&server, feature, fault);
}

void redis_node_lack(const struct redis_node *node, unsigned i, struct buf *out)
{
	struct capabilities_server server = node_server(node);

	capabilities_sentence(&server, i, out);
}

void redis_node_lack_parts(const struct redis_node *node, unsigned i, struct redis_lack *ret)
{
	struct capabilities_server server = node_server(node);

	capabilities_lack_parts(&server, i, ret);
}

void redis_node_acl(const struct redis_node *node, bool warms, struct buf *out)
{
	struct capabilities_server server = node_server(node);

	capabilities_acl(&server, warms, out);
}

bool redis_node_lacks(const struct redis_node *node, const char *command)
{
	return capabilities_lack(&node->capabilities, command);
}

static enum error refuse(const struct redis_node *node, struct fault *fault)
{
	const struct fault *last = &node->state.last_error;
	enum error error = ERR_REDIS_UNAVAILABLE;

	if (last->error == ERR_REDIS_AUTH || last->error == ERR_REDIS_LOADING ||
		last->error == ERR_REDIS_BUSY)
		error = last->error;
	return fault_set(fault, error,
		"commands to Redis at %s fail at once after %lld failures in a row: %.300s",
		node->config.name, (long long)node->breaker.failures, last->detail);
}

static bool may_write(const struct pipeline *pipeline)
{
	for (size_t i = 0; i < pipeline->count; i++)
		if (commands_may_write(pipeline->slots[i].command))
			return true;
	return false;
}

/* Writes have theirs, unless Redis lets no further connection in (maxclients). */
static enum node_use use_of(
	const struct redis_node *node, enum redis_priority priority, struct redis_batch *batch)
{
	const struct conn *writes = node->members[USE_WRITES].conn;

	if (priority == REDIS_BULK)
		return USE_BULK;
	if (!may_write(redis_batch_pipeline(batch)))
		return USE_COMMANDS;
	return conn_turned_away(writes) ? USE_COMMANDS : USE_WRITES;
}

enum error redis_node_start(struct redis_node *node, enum redis_priority priority,
	struct redis_batch *batch, struct fault *fault)
{
	struct conn *conn = node->members[use_of(node, priority, batch)].conn;

	if (node->retired)
		return fault_set(fault, ERR_REDIS_UNAVAILABLE,
			"Redis at %s is not used any more: %s", node->config.name,
			node->state.last_error.detail);
	size_t waiting = conn_waiting(conn), bytes = conn_waiting_bytes(conn);

	if (node->breaker.open)
		return refuse(node, fault);
	if (priority == REDIS_COMMANDS ? waiting >= max_waiting || bytes >= max_waiting_bytes
				       : bytes >= max_waiting_bulk_bytes)
		return fault_set(fault, ERR_OVERLOADED,
			"%zu commands with %zu bytes are already waiting for Redis at %s", waiting,
			bytes, node->config.name);
	struct capabilities_server server = node_server(node);
	enum error error = capabilities_judge(&server, batch, fault);
	if (error)
		return error;
	struct pipeline *pipeline = redis_batch_begin(batch);

	if (pipeline->count)
		conn_submit(conn, pipeline);
	else
		redis_batch_end(pipeline);
	return OK;
}

enum error redis_node_run(struct redis_node *node, enum redis_priority priority,
	struct redis_batch *batch, int64_t deadline, struct fault *fault)
{
	enum error error = redis_node_start(node, priority, batch, fault);

	return error ? error : redis_batch_wait(batch, deadline, fault);
}

struct redis_state redis_node_state(const struct redis_node *node)
{
	return node->state;
}

bool redis_node_serves(const struct redis_node *node)
{
	return node->state.status == REDIS_UP && !node->state.unfit.error && !node->breaker.open;
}

bool redis_node_is_away(const struct redis_node *node)
{
	bool works =
		redis_node_serves(node) && (!node->config.in_cluster || node->view == VIEW_WORKS);

	return node->view == VIEW_FAILS ||
	       (!works && (node->state.last_error.error || node->state.unfit.error));
}

enum redis_view redis_node_view(const struct redis_node *node)
{
	return node->view;
}

bool redis_node_set_view(struct redis_node *node, enum redis_view view)
{
	bool changed = node->view != view;

	node->view = view;
	return changed;
}

void redis_node_connections(
	const struct redis_node *node, struct redis_connection_info ret[REDIS_CONNECTIONS])
{
	for (size_t i = 0; i < NODE_USES; i++) {
		const struct conn *conn = node->members[i].conn;

		if (!conn) {
			ret[i] = (struct redis_connection_info){
				.role = node_use_name((enum node_use)i), .state = "closed"};
			continue;
		}
		ret[i] = (struct redis_connection_info){.role = node_use_name((enum node_use)i),
			.state = conn_state_name(conn),
			.attempts = conn_attempts(conn),
			.waiting = conn_waiting(conn),
			.waiting_bytes = conn_waiting_bytes(conn)};
	}
}

const char *redis_node_name(const struct redis_node *node)
{
	return node->config.name;
}

const char *redis_node_host(const struct redis_node *node)
{
	return node->config.host;
}

int64_t redis_node_command_timeout_ms(const struct redis_node *node)
{
	return node->config.command_timeout_ms;
}

bool redis_node_quiet(const struct redis_node *node)
{
	for (int use = 0; use < NODE_USES && !node->retired; use++)
		if (conn_waiting(node->members[use].conn))
			return false;
	return true;
}

struct metrics *redis_node_metrics(const struct redis_node *node)
{
	return node->metrics;
}

static void readdress(struct redis_node *node, const struct fault *why)
{
	for (int use = 0; use < NODE_USES; use++)
		conn_readdress(node->members[use].conn, why);
	redis_feed_readdress(node->feeds, why);
	conn_tls_forget(&node->tls);
	if (why) {
		node->moves++;
		node_left(node, why);
	}
}

void redis_node_readdress(struct redis_node *node, const char *host, uint16_t port)
{
	bool had = node->config.host != NULL;
	struct fault why;

	take_tcp(&node->config, host, port);
	node->config.no_address = (struct fault){0};
	fault_set(&why, ERR_REDIS_UNKNOWN_OUTCOME,
		"the primary has changed: it is Redis at %s now, which has not been reached yet",
		node->config.name);
	readdress(node, had ? &why : NULL);
}

void redis_node_unaddress(struct redis_node *node, const struct fault *why)
{
	struct conn_config *config = &node->config;
	bool had = config->host != NULL;
	struct fault lost = *why;

	config->no_address = *why;
	mem_free(config->host);
	config->host = NULL;
	lost.error = ERR_REDIS_UNKNOWN_OUTCOME;
	if (had)
		readdress(node, &lost);
}

uint64_t redis_node_moves(const struct redis_node *node)
{
	return node->moves;
}
