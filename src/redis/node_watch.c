/* SPDX-License-Identifier: MIT */
/*
 * A node's own probes while the server cannot be used fully: whether it answers again, is a primary
 * again, allows what it denied.
 */
#include "redis/node_internal.h"

enum { watch_every_ms = 500, check_every_ms = 5000 };

static void watch_fired(uv_timer_t *timer);

void node_watch_while_needed(struct redis_node *node)
{
	bool needed = node->state.status != REDIS_UP || node->breaker.open ||
		      node->state.unfit.error || node->state.lacks || node->capabilities.unsaid;
	int64_t every = node->breaker.open_ms;

	if (node->retired)
		return;
	if (!needed)
		uv_timer_stop(&node->watch);
	else if (!uv_is_active((uv_handle_t *)&node->watch))
		uv_timer_start(&node->watch, watch_fired,
			every < watch_every_ms ? (uint64_t)every : watch_every_ms,
			every < watch_every_ms ? (uint64_t)every : watch_every_ms);
}

static enum capabilities_check check_of(enum probe probe)
{
	return probe == PROBE_CHECK ? CHECK_ALL : CHECK_FIRST;
}

void node_take_probe(
	struct redis_node *node, const struct pipeline *pipeline, const struct redis_value *reply)
{
	bool last = pipeline->answered + 1 == pipeline->count;

	if (pipeline->probe == PROBE_AUTH) {
		/* The connection goes on with the rights that it has. */
		if (reply->type == REDIS_ERROR)
			log_debug(node->log, "redis %s: AUTH was refused: %.*s", node->config.name,
				(int)reply->text.n, reply->text.p);
		return;
	}
	if (pipeline->probe == PROBE_KIND) {
		if (pipeline->answered == 0)
			node->seen = SERVER_UNKNOWN;
		if (reply->type == REDIS_STRING)
			node->seen = server_kind_of_info(
				reply->text, node->seen, node->config.in_cluster);
		else if (reply->type == REDIS_ARRAY)
			node->seen = server_kind_of_role(reply);
		if (last && node->seen != SERVER_UNKNOWN)
			node_set_kind(node, node->seen);
	} else if (pipeline->probe != PROBE_PING) {
		capabilities_take_reply(
			&node->capabilities, check_of(pipeline->probe), pipeline->answered, reply);
		if (last && pipeline->probe == PROBE_CHECK)
			node_take_capabilities(node);
	}
	if (last) {
		node->probing = false;
		node_watch_while_needed(node);
	}
}

/* The probe that is due; PROBE_NONE = none. */
static enum probe next_probe(struct redis_node *node)
{
	int64_t now = clock_mono_ms();

	if (node->state.status == REDIS_IS_LOADING || node->state.status == REDIS_IS_BUSY ||
		node->breaker.open)
		return PROBE_PING;
	if (node->state.unfit.error)
		return PROBE_KIND;
	if (node->state.status != REDIS_UP)
		return PROBE_PING;
	if (!conn_ready(node->members[USE_WRITES].conn))
		return PROBE_NONE;
	/* The second check follows a first one that found it possible. */
	if (node->checked_first && node->capabilities.can_check) {
		node->checked_first = false;
		return PROBE_CHECK;
	}
	if (now - node->checked_at_ms < check_every_ms)
		return PROBE_NONE;
	node->checked_at_ms = now;
	node->checked_first = true;
	return PROBE_FIRST_CHECK;
}

static void fill_probe(const struct redis_node *node, struct pipeline *pipeline)
{
	switch (pipeline->probe) {
	case PROBE_NONE:
	case PROBE_AUTH:
		break;
	case PROBE_PING:
		pipeline_add(pipeline, 1, (struct slice[]){SLICE("PING")});
		break;
	case PROBE_KIND:
		if (capabilities_lack(&node->capabilities, "INFO")) {
			pipeline_add(pipeline, 1, (struct slice[]){SLICE("ROLE")});
			pipeline_add(pipeline, 1, (struct slice[]){SLICE("PING")});
			break;
		}
		pipeline_add(pipeline, 2, (struct slice[]){SLICE("INFO"), SLICE("server")});
		pipeline_add(pipeline, 2, (struct slice[]){SLICE("INFO"), SLICE("replication")});
		pipeline_add(pipeline, 1, (struct slice[]){SLICE("PING")});
		break;
	case PROBE_FIRST_CHECK:
	case PROBE_CHECK:
		capabilities_add_check(&node->capabilities, pipeline, check_of(pipeline->probe),
			slice_str(node->config.spare_key));
		break;
	}
}

static void watch_fired(uv_timer_t *timer)
{
	struct redis_node *node = timer->data;
	int64_t wait_ms;

	/* Without a connection, attempts to connect are the probes. */
	if (node->probing || !conn_ready(node->members[USE_COMMANDS].conn))
		return;
	if (!breaker_enter(&node->breaker, BREAKER_NO_KEY, node_now_ms(node), &wait_ms))
		return;
	node_note_breaker(node);
	struct pipeline *pipeline = pipeline_new();

	pipeline->probe = next_probe(node);
	fill_probe(node, pipeline);
	if (pipeline->count == 0) {
		pipeline_free(pipeline);
		return;
	}
	node->probing = true;
	/* What writes is held back where writes are. */
	node->probed = pipeline->probe >= PROBE_FIRST_CHECK ? USE_WRITES : USE_COMMANDS;
	conn_submit(node->members[node->probed].conn, pipeline);
}

static void send_auth(struct redis_node *node, struct slice printed)
{
	for (int use = 0; use < NODE_USES; use++) {
		struct conn *conn = node->members[use].conn;
		struct pipeline *pipeline = pipeline_new();
		struct fault fault;

		pipeline->probe = PROBE_AUTH;
		if (conn_add_auth(&node->config, printed, pipeline, &fault))
			log_debug(node->log, "redis %s: no AUTH: %s", node->config.name,
				fault.detail);
		if (pipeline->count && conn_ready(conn))
			conn_submit(conn, pipeline);
		else
			pipeline_free(pipeline);
	}
}

static void password_came(struct password_wait *wait, struct slice text, const struct fault *fault)
{
	struct redis_node *node =
		(struct redis_node *)((char *)wait - offsetof(struct redis_node, ask));

	if (fault->error)
		log_debug(node->log, "redis %s: no AUTH: %s", node->config.name, fault->detail);
	else
		send_auth(node, text);
}

static void refresh_fired(uv_timer_t *timer)
{
	struct redis_node *node = timer->data;

	if (password_has_command(node->config.printed))
		password_ask(node->config.printed, &node->ask);
	else
		send_auth(node, (struct slice){0});
}

void node_watch_end(struct redis_node *node)
{
	password_forget(&node->ask);
}

void node_refresh_every(struct redis_node *node, int64_t every_ms)
{
	if (every_ms > 0)
		uv_timer_start(
			&node->refresh, refresh_fired, (uint64_t)every_ms, (uint64_t)every_ms);
	else
		uv_timer_stop(&node->refresh);
}

void node_watch_init(struct redis_node *node)
{
	uv_timer_init(loop_uv(node->loop), &node->refresh);
	node->refresh.data = node;
	node->ask.answered = password_came;
	node->timers = 2;
	uv_timer_init(loop_uv(node->loop), &node->watch);
	node->watch.data = node;
}
