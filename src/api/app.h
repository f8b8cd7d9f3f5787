/* SPDX-License-Identifier: MIT */
/* The parts of the daemon, as the context of every handler. */
#ifndef CW_API_APP_H
#define CW_API_APP_H

#include "conf/reload.h"
#include "engine/engine.h"
#include "http/reply.h"
#include "http/server.h"
#include "invalidate/invalidator.h"
#include "operation/operation.h"
#include "operation/pause.h"
#include "warm/loader.h"
#include "warm/warm.h"
#include "watch/alerts.h"
#include "watch/audit.h"
#include "watch/audit_operations.h"
#include "watch/client_lookups.h"
#include "watch/event_feed.h"
#include "watch/event_publisher.h"
#include "watch/history_keeper.h"
#include "watch/namespace_sampler.h"
#include "watch/notify.h"
#include "watch/sampler.h"
#include "watch/server_answers.h"

enum app_phase { APP_STARTING, APP_SERVING, APP_STOPPING };

/* An answer from memory that is rendered once and sent many times; see api/answer.h. */
struct rendered_answer {
	struct buf body;
	int status;
	int verdict; /* health: enum health of the body */
	int64_t rendered_mono_ms;
};

struct app {
	struct loop *loop;
	struct log *log;
	struct metrics *metrics;
	struct event_bus *bus;
	struct engine engine;
	struct http_server *http;
	struct sampler *sampler;
	struct alerts *alerts;
	struct notify *notify;
	struct namespace_sampler *namespaces;
	struct event_feed *events;
	struct event_publisher *event_publisher;
	struct client_lookups *client_lookups;
	struct server_answers *clients, *slowlog, *latency;
	struct audit *audit;
	struct audit_operations *audit_operations;
	struct audit_kept *audit_kept;	/* of requests whose outcome is not recorded yet */
	struct history_keeper *history; /* NULL = none is kept */
	struct sources *sources;	/* of warm jobs and loaders */
	struct warm *warm;
	struct loaders *loaders;
	struct reload *reload;
	struct fault layout; /* why cw:meta cannot be read; OK = it was read */
	enum app_phase phase;
	int64_t started_mono_ms;
	struct rendered_answer stats, health, metrics_text;
};

/* Ends with a row without a method. */
extern const struct route routes[];

#endif
