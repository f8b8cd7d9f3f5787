/* SPDX-License-Identifier: MIT */
/*
 * What a node's connections report becomes its state; see node.h.
 *
 *	conn events -> breaker, status, kind, counters -> EVENT_REDIS_STATE, metrics
 *
 * Special: a server that is loading, busy or without its primary answers, and quickly: that changes
 * the status but not the breaker. A PING at least twice a second finds out when it is over.
 */
#include <assert.h>

#include "redis/info.h"
#include "redis/node_internal.h"

const char *redis_node_status_name(enum redis_status status)
{
	static const char *const names[] = {"up", "down", "loading", "busy"};

	assert(status < sizeof names / sizeof *names);
	return names[status];
}

const char *node_use_name(enum node_use use)
{
	static const char *const names[] = {"commands", "bulk", "writes"};

	assert(use < NODE_USES);
	return names[use];
}

static void tell(struct redis_node *node)
{
	if (node->retired)
		return;
	if (node->changed)
		node->changed(node->changed_context);
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
		node->view = VIEW_UNKNOWN;
		tell(node);
	}
	node_watch_while_needed(node);
}

/* It answers, so it is up, unless it is a server that is not used. */
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

void node_left(struct redis_node *node, const struct fault *why)
{
	node->probing = node->checked = false;
	node->state.stalled = (struct fault){0};
	node->state.kind = SERVER_UNKNOWN;
	node->state.unfit = (struct fault){0};
	node->state.last_error = *why;
	node->state.last_error.error = ERR_REDIS_UNAVAILABLE;
	/* The failures were the last server's. */
	breaker_succeeded(&node->breaker);
	node_note_breaker(node);
	set_status(node, REDIS_DOWN);
}

void node_take_capabilities(struct redis_node *node)
{
	uint64_t lacks = capabilities_lacks(&node->capabilities);

	if (lacks == node->state.lacks)
		return;
	node->state.lacks = lacks;
	tell(node);
}

/* Errors of a server that answers but does not serve set the status; others do not. */
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
 * What an error reply says about the whole server. A replica without its primary refuses even
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
		node_use_name(member->use), conn_state_name(member->conn));
}

static struct conn *conn_of(const struct redis_node *node, enum node_use use)
{
	return node->members[use].conn;
}

static void set_stalled(struct redis_node *node, const struct fault *why)
{
	enum error before = node->state.stalled.error;

	node->state.stalled = *why;
	if (before == why->error)
		return;
	log_debug(
		node->log, "redis %s: writes %s", node->config.name, why->error ? "wait" : "go on");
	tell(node);
}

/* Writes are held back, and reads are answered. */
static void note_stall(struct redis_node *node, const struct fault *why)
{
	struct fault stalled;

	fault_set(&stalled, ERR_REDIS_UNAVAILABLE,
		"Redis at %s answers reads, but holds writes back (CLIENT PAUSE, as during a "
		"failover): %.300s",
		node->config.name, why->detail);
	set_stalled(node, &stalled);
}

/*
 * It answers reads. Before the status is up, what it denies is to be known, which the connection
 * for writes finds out; unless it cannot.
 */
static void reads_are_answered(struct redis_node *node)
{
	if (conn_ready(conn_of(node, USE_COMMANDS)) &&
		(node->checked || conn_attempts(conn_of(node, USE_WRITES))))
		set_answers(node);
}

static void conn_is_ready(void *context, enum server_kind kind, const struct fault *state)
{
	struct member *member = context;
	struct redis_node *node = member->node;
	bool writes_again = node->writes_lost && member->use == USE_WRITES;

	breaker_succeeded(&node->breaker);
	node_note_breaker(node);
	node->checked_at_ms = clock_mono_ms();
	node->checked = node->checked || member->use == USE_WRITES;
	if (member->use == USE_COMMANDS)
		node->heard_at_ms = node_now_ms(node);
	if (kind != SERVER_UNKNOWN || !state->error)
		node_set_kind(node, kind);
	node_take_capabilities(node);
	if (member->use == USE_WRITES)
		set_stalled(node, &(struct fault){0});
	if (state->error)
		note_error(node, state);
	else if (member->use != USE_BULK)
		reads_are_answered(node);
	/* What could not be written is tried again at once. */
	if (writes_again)
		tell(node);
	if (member->use == USE_WRITES)
		node->writes_lost = false;
}

/* Whether reads were answered while this connection waited in vain. */
static bool answers_reads(const struct redis_node *node)
{
	int64_t least = node->config.command_timeout_ms < node->config.connect_timeout_ms
				? node->config.command_timeout_ms
				: node->config.connect_timeout_ms;

	return conn_ready(conn_of(node, USE_COMMANDS)) &&
	       node_now_ms(node) - node->heard_at_ms < least;
}

/*
 * If Redis accepts one connection and refuses another (maxclients), or holds writes back, reads go
 * on. Other hangs and refused credentials concern all.
 */
static bool speaks_for_server(const struct member *member, enum error error)
{
	const struct redis_node *node = member->node;

	if (member->use == USE_COMMANDS || error == ERR_REDIS_AUTH)
		return true;
	return conn_hung(member->conn) ? !answers_reads(node)
				       : !conn_ready(conn_of(node, USE_COMMANDS));
}

static void count_failures(struct redis_node *node, enum error error, int64_t count)
{
	if (error == ERR_REDIS_AUTH)
		breaker_trip(&node->breaker, node_now_ms(node));
	else
		breaker_failed(&node->breaker, BREAKER_NO_KEY, count, node_now_ms(node));
	node_note_breaker(node);
}

/* A connection has failed, and the one for reads has not. */
static void take_partial(const struct member *member, const struct fault *why)
{
	if (member->use != USE_WRITES)
		return;
	member->node->writes_lost = true;
	if (conn_hung(member->conn))
		note_stall(member->node, why);
	reads_are_answered(member->node);
}

static void conn_has_failed(void *context, const struct fault *fault, int64_t count)
{
	struct member *member = context;
	struct redis_node *node = member->node;
	enum error before = node->state.last_error.error;
	/* The first failure, or one of another kind. */
	bool first_of_kind =
		!before || (before == ERR_REDIS_AUTH) != (fault->error == ERR_REDIS_AUTH);

	log_debug(node->log, "redis %s: connection for %s failed: %s", node->config.name,
		node_use_name(member->use), fault->detail);
	node->state.last_error = *fault;
	if (count == 0) {
		note_error(node, fault);
		return;
	}
	node->probing = node->probing && member->use != node->probed;
	node->state.connection_failures++;
	if (node->metrics)
		metric_add(node->metrics, METRIC_REDIS_CONNECTION_FAILURES, NULL, NULL, 1);
	if (!speaks_for_server(member, fault->error)) {
		take_partial(member, fault);
		return;
	}
	node->writes_lost = false;
	count_failures(node, fault->error, count);
	if (first_of_kind && node->state.status == REDIS_DOWN)
		tell(node);
	if (member->use == USE_COMMANDS || conn_hung(member->conn))
		set_status(node, REDIS_DOWN);
}

static void take_refusal(struct redis_node *node, const struct redis_value *reply)
{
	enum server_kind kind = server_kind_of_refusal(redis_value_refusal(reply, NULL));

	note_reply(node, reply);
	/* A node of a cluster redirects, which says nothing about what it is. */
	if (kind != SERVER_UNKNOWN && !(kind == SERVER_CLUSTER && node->config.in_cluster))
		node_set_kind(node, kind);
	if (capabilities_refused(&node->capabilities, reply))
		node_take_capabilities(node);
}

static void conn_has_replied(void *context, struct pipeline *pipeline,
	const struct pipeline_slot *slot, const struct redis_value *reply)
{
	const struct member *member = context;
	struct redis_node *node = member->node;

	if (member->use == USE_COMMANDS)
		node->heard_at_ms = node_now_ms(node);
	if (pipeline->probe)
		node_take_probe(node, pipeline, reply);
	if (reply->type == REDIS_ERROR && pipeline->probe < PROBE_FIRST_CHECK)
		take_refusal(node, reply);
	else if (pipeline->probe && pipeline->answered + 1 == pipeline->count)
		set_answers(node);
	if (node->breaker.failures > 0) {
		breaker_succeeded(&node->breaker);
		node_note_breaker(node);
	}
	pipeline_tally(pipeline, slot, reply, &node->state.own);
	if (node->told)
		own_lookups_tell(pipeline, slot, reply, node->told, node->told_context);
	pipeline->own = node->state.own;
}

static enum error conn_may_send(void *context, const struct redis_batch *batch, struct fault *fault)
{
	const struct redis_node *node = ((struct member *)context)->node;
	struct capabilities_server server = node_server(node);

	return capabilities_judge(&server, batch, fault);
}

const struct conn_events node_conn_events = {
	.moved = conn_has_moved,
	.ready = conn_is_ready,
	.failed = conn_has_failed,
	.replied = conn_has_replied,
	.judge = conn_may_send,
};

static void tell_breaker(struct redis_node *node)
{
	struct breaker_change change = {.of = "redis",
		.name = node->config.name,
		.open = node->breaker.open,
		.failures = node->breaker.failures};

	if (!node->bus || node->retired || node->breaker_told == change.open)
		return;
	node->breaker_told = change.open;
	event_publish(node->bus, EVENT_BREAKER, &change);
}

void node_note_breaker(struct redis_node *node)
{
	enum breaker_state state = breaker_state(&node->breaker, node_now_ms(node));

	node->state.breaker_failures = node->breaker.failures;
	if (state == node->state.breaker)
		return;
	node->state.breaker = state;
	log_debug(node->log, "redis %s: the breaker is %s, %lld failures in a row",
		node->config.name, breaker_state_name(state), (long long)node->breaker.failures);
	node->state.breaker_since_wall_ms = clock_wall_ms();
	if (node->metrics)
		metric_set(node->metrics, METRIC_BREAKER_OPEN, NULL, NULL, node->breaker.open);
	tell_breaker(node);
	node_watch_while_needed(node);
}

void redis_node_watch_own(struct redis_node *node,
	void (*told)(void *context, struct slice key, int hits, int misses), void *context)
{
	node->told = told;
	node->told_context = context;
}

void redis_node_add_own(struct redis_node *node, int64_t hits, int64_t misses)
{
	node->state.own.hits += hits;
	node->state.own.misses += misses;
}

void redis_node_observe(struct redis_node *node, const struct redis_value *info_reply)
{
	struct redis_info info;

	if (node->retired)
		return;
	if (info_reply->type == REDIS_ERROR) {
		note_reply(node, info_reply);
		return;
	}
	redis_info_parse(info_reply->text, node->config.database, &info);
	enum server_kind kind =
		server_kind_of_info(info_reply->text, SERVER_UNKNOWN, node->config.in_cluster);

	if (kind != SERVER_UNKNOWN)
		node_set_kind(node, kind);
	if (info.loading > 0)
		set_status(node, REDIS_IS_LOADING);
	else if (node->state.status == REDIS_IS_LOADING || node->state.status == REDIS_IS_BUSY)
		set_answers(node);
	redis_info_release(&info);
}
