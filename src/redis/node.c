/* SPDX-License-Identifier: MIT */
/*
 * One server: what its connections report becomes its state; see node.h.
 *
 *	conn events -> breaker, status word, counters -> EVENT_REDIS_STATE, metrics
 *
 * Special: a server that is loading, busy or cut off its primary answers, and quickly: that moves
 * the status word but not the breaker. A PING at least twice a second sees when it is over.
 */
#include "redis/node.h"

#include <string.h>

#include "base/mem.h"
#include "redis/info.h"
#include "redis/node_internal.h"
#include "redis/node_state.h"

enum {
	max_waiting = 1536, /* a read has three */
	max_waiting_bytes = 64 << 20,
	max_waiting_bulk_bytes = 256 << 20,
};

static void tell(struct redis_node *node)
{
	if (node->bus)
		event_publish(node->bus, EVENT_REDIS_STATE, NULL);
	node_watch_while_needed(node);
}

static void set_status(struct redis_node *node, enum redis_status status)
{
	if (status != node->state.status) {
		log_debug(node->log, "redis %s: %s, was %s", node->config.name,
			redis_node_status_name(status), redis_node_status_name(node->state.status));
		node->state.status = status;
		node->state.since_wall_ms = clock_wall_ms();
		tell(node);
	}
	node_watch_while_needed(node);
}

/* It answers: that is all there is to want, unless it is a server that has no keys for us. */
static void set_answers(struct redis_node *node)
{
	if (node->state.kind == SERVER_SENTINEL || node->state.kind == SERVER_CLUSTER)
		set_status(node, REDIS_DOWN);
	else
		set_status(node, REDIS_UP);
}

void node_set_kind(struct redis_node *node, enum server_kind kind)
{
	enum error before = node->state.unfit.error;

	if (kind == node->state.kind)
		return;
	node->state.kind = kind;
	node->state.unfit = (struct fault){0};
	if (server_kind_judge(kind, node->config.name, &node->state.unfit))
		node->state.last_error = node->state.unfit;
	if (node->state.status == REDIS_UP)
		set_answers(node);
	if (before || node->state.unfit.error)
		tell(node);
}

void node_take_capabilities(struct redis_node *node)
{
	uint64_t lacks = capabilities_lacks(&node->capabilities);

	if (lacks == node->state.lacks)
		return;
	node->state.lacks = lacks;
	tell(node);
}

/* The server answers, but does not serve: the status follows. Other errors say nothing of it. */
static void note_error(struct redis_node *node, const struct fault *fault)
{
	switch (fault->error) {
	case ERR_REDIS_LOADING:
		node->state.last_error = *fault;
		set_status(node, REDIS_IS_LOADING);
		break;
	case ERR_REDIS_BUSY:
		node->state.last_error = *fault;
		set_status(node, REDIS_IS_BUSY);
		break;
	case ERR_REDIS_UNAVAILABLE:
		node->state.last_error = *fault;
		set_status(node, REDIS_DOWN);
		break;
	default:
		break;
	}
}

/*
 * What an error reply says of the server as a whole. A replica without its primary refuses even
 * PING; other errors of the kind ERR_REDIS_UNAVAILABLE are about one command.
 */
static void note_reply(struct redis_node *node, const struct redis_value *reply)
{
	struct fault fault;

	if (redis_value_error(reply, &fault) != ERR_REDIS_UNAVAILABLE ||
		redis_value_refusal(reply, NULL) == REFUSAL_NO_PRIMARY)
		note_error(node, &fault);
}

static void conn_has_moved(void *context)
{
	const struct member *member = context;

	log_debug(member->node->log, "redis %s: connection for %s: %s", member->node->config.name,
		node_role_name(member->role), conn_state_name(member->conn));
}

static void conn_is_ready(void *context, enum server_kind kind, const struct fault *state)
{
	struct member *member = context;
	struct redis_node *node = member->node;

	breaker_succeeded(&node->breaker);
	node_note_breaker(node);
	node->look_ms = clock_mono_ms();
	if (kind != SERVER_UNKNOWN || !state->error)
		node_set_kind(node, kind);
	node_take_capabilities(node);
	if (state->error)
		note_error(node, state);
	else if (member->role == REDIS_COMMANDS)
		set_answers(node);
}

/*
 * Where Redis lets one connection in and refuses the other (maxclients), what the first one carries
 * goes on. Hangs and refused credentials concern both.
 */
static bool speaks_for_server(const struct member *member, enum error error, int64_t count)
{
	return member->role == REDIS_COMMANDS || count > 1 || error == ERR_REDIS_AUTH ||
	       !conn_ready(member->node->members[REDIS_COMMANDS].conn);
}

static void count_failures(struct redis_node *node, enum error error, int64_t count)
{
	int64_t now_ms = (int64_t)uv_now(loop_uv(node->loop));

	if (error == ERR_REDIS_AUTH)
		breaker_trip(&node->breaker, now_ms);
	else
		breaker_failed(&node->breaker, BREAKER_NO_KEY, count, now_ms);
	node_note_breaker(node);
}

static void conn_has_failed(void *context, const struct fault *fault, int64_t count)
{
	struct member *member = context;
	struct redis_node *node = member->node;
	enum error before = node->state.last_error.error;
	/* The first failure, or one of another kind. */
	bool news = !before || (before == ERR_REDIS_AUTH) != (fault->error == ERR_REDIS_AUTH);

	log_debug(node->log, "redis %s: connection for %s failed: %s", node->config.name,
		node_role_name(member->role), fault->detail);
	node->state.last_error = *fault;
	if (count == 0) {
		note_error(node, fault);
		return;
	}
	node->probing = node->probing && member->role != REDIS_COMMANDS;
	node->state.connection_failures++;
	if (node->metrics)
		metric_add(node->metrics, METRIC_REDIS_CONNECTION_FAILURES, NULL, NULL, 1);
	if (!speaks_for_server(member, fault->error, count))
		return;
	count_failures(node, fault->error, count);
	if (news && node->state.status == REDIS_DOWN)
		tell(node);
	if (member->role == REDIS_COMMANDS)
		set_status(node, REDIS_DOWN);
}

static void take_refusal(struct redis_node *node, const struct redis_value *reply)
{
	enum server_kind kind = server_kind_of_refusal(redis_value_refusal(reply, NULL));

	note_reply(node, reply);
	if (kind != SERVER_UNKNOWN)
		node_set_kind(node, kind);
	if (capabilities_refused(&node->capabilities, reply))
		node_take_capabilities(node);
}

static void conn_has_replied(void *context, struct pipeline *pipeline,
	const struct pipeline_slot *slot, const struct redis_value *reply)
{
	struct redis_node *node = ((struct member *)context)->node;

	if (pipeline->probe)
		node_take_probe(node, pipeline, reply);
	if (reply->type == REDIS_ERROR && pipeline->probe < PROBE_FIRST_LOOK)
		take_refusal(node, reply);
	else if (pipeline->probe && pipeline->answered + 1 == pipeline->count)
		set_answers(node);
	if (node->breaker.failures > 0) {
		breaker_succeeded(&node->breaker);
		node_note_breaker(node);
	}
	pipeline_tally(pipeline, slot, reply, &node->state.own);
	pipeline->own = node->state.own;
}

static const struct conn_events conn_events = {
	.moved = conn_has_moved,
	.ready = conn_is_ready,
	.failed = conn_has_failed,
	.replied = conn_has_replied,
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

static void take_address(struct conn_config *config, const struct conf_redis *conf)
{
	config->database = conf->database;
	if (conf->kind == REDIS_URL_TCP) {
		config->host = mem_strdup(conf->host);
		config->port = conf->port;
		config->name = mem_printf(strchr(conf->host, ':') ? "[%s]:%u" : "%s:%u", conf->host,
			(unsigned)conf->port);
	} else {
		config->path = mem_strdup(conf->path);
		config->name = mem_printf("unix:%s", conf->path);
	}
}

struct redis_node *redis_node_new(const struct redis_node_options *options)
{
	struct redis_node *node = mem_new(struct redis_node);

	node->loop = options->loop;
	node->bus = options->bus;
	node->metrics = options->metrics;
	node->log = options->log;
	node_watch_init(node);
	take_address(&node->config, options->conf);
	take_changeable(node, options->conf);
	node->config.capabilities = &node->capabilities;
	node->config.tls = &node->tls;
	node->config.spare_key = mem_printf("%snone", options->conf->own_prefix);
	node->state.status = REDIS_DOWN;
	node->state.since_wall_ms = node->state.breaker_since_wall_ms = clock_wall_ms();
	for (int role = 0; role < REDIS_ROLES; role++) {
		struct member *member = &node->members[role];

		member->node = node;
		member->role = (enum redis_role)role;
		member->conn = conn_new(node->loop, &node->config, &conn_events, member);
	}
	return node;
}

static void timer_closed(uv_handle_t *handle)
{
	struct redis_node *node = handle->data;

	if (--node->timers == 0)
		mem_free(node);
}

void redis_node_free(struct redis_node *node)
{
	if (!node)
		return;
	for (int role = 0; role < REDIS_ROLES; role++)
		conn_free(node->members[role].conn);
	mem_free(node->config.name);
	mem_free(node->config.host);
	mem_free(node->config.path);
	mem_free(node->config.spare_key);
	mem_free(node->config.username);
	mem_free(node->config.password);
	mem_free(node->config.password_file);
	conn_tls_release(&node->tls);
	uv_close((uv_handle_t *)&node->watch, timer_closed);
	uv_close((uv_handle_t *)&node->refresh, timer_closed);
}

void redis_node_reconfigure(struct redis_node *node, const struct conf_redis *conf)
{
	take_changeable(node, conf);
	for (int role = 0; role < REDIS_ROLES; role++)
		conn_retry(node->members[role].conn);
}

static struct capabilities_server server_of(const struct redis_node *node)
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
	struct capabilities_server server = server_of(node);

	return capabilities_allow(&server, feature, fault);
}

void redis_node_lack(const struct redis_node *node, unsigned i, struct buf *out)
{
	struct capabilities_server server = server_of(node);

	capabilities_sentence(&server, i, out);
}

void redis_node_lack_parts(const struct redis_node *node, unsigned i, struct redis_lack *ret)
{
	struct capabilities_server server = server_of(node);

	capabilities_lack_parts(&server, i, ret);
}

void redis_node_acl(const struct redis_node *node, bool warms, struct buf *out)
{
	struct capabilities_server server = server_of(node);

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
		"Redis at %s is not asked after %lld failures in a row: %.300s", node->config.name,
		(long long)node->breaker.failures, last->detail);
}

enum error redis_node_start(struct redis_node *node, enum redis_role role,
	struct redis_batch *batch, struct fault *fault)
{
	struct conn *conn = node->members[role].conn;
	size_t waiting = conn_waiting(conn), bytes = conn_waiting_bytes(conn);

	if (node->breaker.open)
		return refuse(node, fault);
	if (role == REDIS_COMMANDS ? waiting >= max_waiting || bytes >= max_waiting_bytes
				   : bytes >= max_waiting_bulk_bytes)
		return fault_set(fault, ERR_OVERLOADED,
			"%zu commands with %zu bytes wait for Redis at %s already", waiting, bytes,
			node->config.name);
	struct capabilities_server server = server_of(node);
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

enum error redis_node_run(struct redis_node *node, enum redis_role role, struct redis_batch *batch,
	int64_t deadline, struct fault *fault)
{
	enum error error = redis_node_start(node, role, batch, fault);

	return error ? error : redis_batch_wait(batch, deadline, fault);
}

void redis_node_observe(struct redis_node *node, const struct redis_value *info_reply)
{
	struct redis_info info;

	if (info_reply->type == REDIS_ERROR) {
		note_reply(node, info_reply);
		return;
	}
	redis_info_parse(info_reply->text, node->config.database, &info);
	enum server_kind kind = server_kind_of_info(info_reply->text, SERVER_UNKNOWN);

	if (kind != SERVER_UNKNOWN)
		node_set_kind(node, kind);
	if (info.loading > 0)
		set_status(node, REDIS_IS_LOADING);
	else if (node->state.status == REDIS_IS_LOADING || node->state.status == REDIS_IS_BUSY)
		set_answers(node);
	redis_info_release(&info);
}
