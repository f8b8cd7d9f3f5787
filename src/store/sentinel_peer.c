/* SPDX-License-Identifier: MIT */
/* One sentinel: its connections, the question and its answer, messages; see sentinel.h. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/min.h"
#include "store/sentinel_internal.h"

enum { max_ms = 2000, ask_ms = 1500 };

static void link_moved(void *context)
{
	(void)context;
}

static void link_ready(void *context, enum server_kind kind, const struct fault *state)
{
	struct sentinel_link *link = context;
	bool was_away = link->fault.error != OK;

	(void)state;
	link->fault = (struct fault){0};
	if (kind != SERVER_SENTINEL && kind != SERVER_UNKNOWN)
		fault_set(&link->fault, ERR_REDIS_UNAVAILABLE,
			"the server at %s is no sentinel: redis+sentinel:// names the sentinels",
			link->peer->address);
	if (was_away)
		sentinel_wake(link->peer->sentinel);
}

static void link_failed(void *context, const struct fault *fault, int64_t weight)
{
	struct sentinel_link *link = context;

	char whose[300];

	(void)weight;
	link->fault = *fault;
	snprintf(whose, sizeof whose, "the sentinel at %s", link->peer->address);
	if (!strstr(fault->detail, link->peer->address))
		fault_prefix(&link->fault, whose);
}

static void link_replied(void *context, struct pipeline *pipeline, const struct pipeline_slot *slot,
	const struct redis_value *reply)
{
	(void)context;
	(void)pipeline;
	(void)slot;
	(void)reply;
}

static void link_received(void *context, const struct redis_value *message)
{
	struct sentinel_link *link = context;
	struct sentinel *sentinel = link->peer->sentinel;
	struct sentinel_answer before, now;

	if (sentinel_answer_switch(message, sentinel->master, &before, &now))
		sentinel_switched(sentinel, &before, &now);
}

static const struct conn_events events = {
	.moved = link_moved,
	.ready = link_ready,
	.failed = link_failed,
	.replied = link_replied,
	.received = link_received,
};

static void replace(char **place, const char *text)
{
	mem_free(*place);
	*place = text ? mem_strdup(text) : NULL;
}

static void configure_link(struct sentinel_link *link, const struct conf_redis *conf)
{
	struct conn_config *config = &link->config;

	replace(&config->username, conf->sentinel.username);
	replace(&config->password, conf->sentinel.password);
	replace(&config->password_file, conf->sentinel.password_file);
	config->connect_timeout_ms = min_int64(conf->connect_timeout_ms, max_ms);
	config->command_timeout_ms = min_int64(conf->command_timeout_ms, max_ms);
}

void sentinel_peer_configure(struct sentinel_peer *peer, const struct conf_redis *conf)
{
	struct conf_redis own = *conf;

	own.tls = conf->sentinel.tls;
	conn_tls_configure(&peer->tls, &own);
	configure_link(&peer->queries, conf);
	configure_link(&peer->subscription, conf);
	if (!peer->queries.conn)
		return;
	conn_retry(peer->queries.conn);
	conn_retry(peer->subscription.conn);
}

static void init_link(
	struct sentinel_link *link, struct sentinel_peer *peer, const struct conf_address *address)
{
	link->peer = peer;
	link->config.name = mem_printf("%s (a sentinel)", peer->address);
	link->config.host = mem_strdup(address->host);
	link->config.port = address->port;
	link->config.spare_key = mem_strdup("");
	link->config.capabilities = &peer->capabilities;
	link->config.tls = &peer->tls;
}

void sentinel_peer_init(
	struct sentinel_peer *peer, struct sentinel *sentinel, const struct conf_address *address)
{
	peer->sentinel = sentinel;
	peer->address = mem_printf(strchr(address->host, ':') ? "[%s]:%u" : "%s:%u", address->host,
		(unsigned)address->port);
	init_link(&peer->queries, peer, address);
	init_link(&peer->subscription, peer, address);
	sentinel_peer_configure(peer, sentinel->conf);
	peer->queries.conn =
		conn_new(sentinel->loop, &peer->queries.config, &events, &peer->queries);
	peer->subscription.conn =
		conn_new(sentinel->loop, &peer->subscription.config, &events, &peer->subscription);
	conn_subscribe(peer->subscription.conn, "+switch-master");
}

static void release_link(struct sentinel_link *link)
{
	struct conn_config *config = &link->config;
	struct fault closing;

	fault_set(&closing, ERR_STOPPING, "the connection to a sentinel is being closed");
	conn_free(link->conn, &closing);
	mem_free(config->name);
	mem_free(config->host);
	mem_free(config->spare_key);
	mem_free(config->username);
	mem_free(config->password);
	mem_free(config->password_file);
}

void sentinel_peer_release(struct sentinel_peer *peer)
{
	release_link(&peer->queries);
	release_link(&peer->subscription);
	conn_tls_release(&peer->tls);
	mem_free(peer->address);
}

/* Whether the channel is still served: an end of the connection that was lost is not told. */
static void test_channel(struct sentinel_peer *peer)
{
	struct pipeline *pipeline;

	if (!conn_ready(peer->subscription.conn) || conn_waiting(peer->subscription.conn))
		return;
	pipeline = pipeline_new();
	pipeline->probe = PROBE_PING;
	pipeline_add(pipeline, 1, (struct slice[]){SLICE("PING")});
	conn_submit(peer->subscription.conn, pipeline);
}

static bool names_itself(const struct sentinel_peer *peer, const struct sentinel_answer *answer)
{
	return answer->port == peer->queries.config.port &&
	       strcmp(answer->host, peer->queries.config.host) == 0;
}

static void take_reply(struct sentinel_peer *peer, const struct redis_batch *batch)
{
	const char *master = peer->sentinel->master;
	struct sentinel_answer answer;
	struct fault fault;
	enum error error =
		sentinel_answer_parse(redis_batch_reply(batch, 0), master, &answer, &fault);

	if (!error && names_itself(peer, &answer)) {
		answer.host[0] = '\0';
		error = fault_set(&fault, ERR_REDIS_UNAVAILABLE,
			"names itself as the primary %s: give it the primary's address", master);
	}
	if (!error)
		answer.epoch = sentinel_answer_epoch(redis_batch_reply(batch, 1));
	if (!sentinel_answer_equal(&answer, &peer->answer))
		peer->named = (struct fault){0};
	peer->answer = answer;
	peer->fault = (struct fault){0};
	if (error && peer->queries.fault.error)
		peer->fault = peer->queries.fault;
	else if (error)
		fault_set(&peer->fault, error, "the sentinel at %s %.400s", peer->address,
			fault.detail);
}

static void ask(void *argument)
{
	struct sentinel_peer *peer = argument;
	struct slice master = slice_str(peer->sentinel->master);
	struct redis_batch *batch = redis_batch_new();
	struct fault fault;

	REDIS_ADD(batch, SLICE("SENTINEL"), SLICE("GET-MASTER-ADDR-BY-NAME"), master);
	REDIS_ADD(batch, SLICE("SENTINEL"), SLICE("MASTER"), master);
	conn_submit(peer->queries.conn, redis_batch_begin(batch));
	enum error error = redis_batch_wait(batch, clock_deadline(ask_ms), &fault);

	if (!error) {
		take_reply(peer, batch);
	} else if (error != ERR_CANCELLED) {
		peer->answer = (struct sentinel_answer){0};
		peer->fault = peer->queries.fault.error ? peer->queries.fault : fault;
	}
	redis_batch_free(batch);
	peer->asking = false;
	peer->answered = peer->known = true;
	fiber_cond_broadcast(&peer->sentinel->answered);
}

void sentinel_peer_ask(struct sentinel_peer *peer)
{
	peer->answered = false;
	if (peer->asking)
		return;
	peer->asking = true;
	test_channel(peer);
	fiber_spawn(&peer->sentinel->group, "asks a sentinel", ask, peer);
}
