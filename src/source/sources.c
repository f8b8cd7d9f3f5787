/* SPDX-License-Identifier: MIT */
/* Shared state of sources, and their breakers; see sources.h. */
#include "source/sources.h"

#include <stdio.h>
#include <uthash.h>

#include "base/mem.h"
#include "source/http_multi.h"
#include "source/postgres_pool.h"
#include "source/transport.h"

struct source_health {
	struct buf identity;
	struct breaker breaker;
	char why[256]; /* of the last failure */
	UT_hash_handle hh;
};

struct sources *sources_new(struct loop *loop, struct log *log, struct event_bus *bus)
{
	struct sources *sources = mem_new(struct sources);

	sources->loop = loop;
	sources->log = log;
	sources->bus = bus;
	return sources;
}

void sources_identify(const struct conf_source *conf, struct buf *out)
{
	buf_char(out, (char)('0' + conf->owner));
	buf_str(out, conf->name);
}

static struct source_health *find(const struct sources *sources, const struct conf_source *conf)
{
	struct source_health *health;
	struct buf identity = {0};

	sources_identify(conf, &identity);
	HASH_FIND(hh, sources->unwell, identity.p, identity.n, health);
	buf_release(&identity);
	return health;
}

static struct source_health *add(struct sources *sources, const struct conf_source *conf)
{
	struct source_health *health = mem_new(struct source_health);

	sources_identify(conf, &health->identity);
	HASH_ADD_KEYPTR(hh, sources->unwell, health->identity.p, health->identity.n, health);
	return health;
}

static void drop(struct sources *sources, struct source_health *health)
{
	HASH_DEL(sources->unwell, health);
	buf_release(&health->identity);
	mem_free(health);
}

void sources_free(struct sources *sources)
{
	if (!sources)
		return;
	http_multi_free(sources->http);
	postgres_pool_all_free(sources->postgres);
	while (sources->unwell)
		drop(sources, sources->unwell);
	mem_free(sources);
}

struct source_breaker sources_breaker(const struct sources *sources, const struct conf_source *conf)
{
	const struct source_health *health = find(sources, conf);

	if (!health)
		return (struct source_breaker){.state = BREAKER_CLOSED, .why = ""};
	return (struct source_breaker){.state = breaker_state(&health->breaker, clock_mono_ms()),
		.failures = (unsigned)health->breaker.failures,
		.why = health->why};
}

struct sources_use sources_use(const struct source_call *call)
{
	const struct conf_source *conf = call->conf;
	struct sources_use use = {.conf = conf, .key = FNV_BEGIN64};

	if (conf->path)
		transport_hash(&use.key, slice_str(conf->path));
	if (conf->url_path)
		transport_hash(&use.key, template_text(conf->url_path));
	if (conf->query)
		transport_hash(&use.key, slice_str(conf->query));
	for (size_t i = 0; i < conf->argc; i++)
		transport_hash(&use.key, slice_str(conf->argv[i]));
	for (size_t i = 0; i < call->param_count; i++) {
		transport_hash(&use.key, call->params[i].name);
		transport_hash(&use.key, call->params[i].value);
	}
	return use;
}

static const char *state_name(const struct sources *sources, const struct conf_source *conf)
{
	return breaker_state_name(sources_breaker(sources, conf).state);
}

enum error sources_enter(
	struct sources *sources, const struct sources_use *use, struct fault *fault)
{
	struct source_health *health = find(sources, use->conf);
	int64_t wait_ms;

	if (!health)
		return OK;
	if (!breaker_enter(&health->breaker, use->key, clock_mono_ms(), &wait_ms))
		return fault_set(fault, ERR_SOURCE_FAILED,
			"failed for %lld different keys and is not asked for another %lld ms; last "
			"failure: %s",
			(long long)health->breaker.failures, (long long)wait_ms, health->why);
	if (health->breaker.open)
		log_debug(sources->log, "source %s: half open, a key of it is tried",
			use->conf->name);
	return OK;
}

static void count_failure(struct sources *sources, struct source_health *health,
	const struct sources_use *use, const char *why)
{
	if (!health)
		health = add(sources, use->conf);
	snprintf(health->why, sizeof health->why, "%s", why);
	breaker_configure(&health->breaker, use->conf->breaker_failures, use->conf->breaker_open_ms,
		BREAKER_MAX_TRIES);
	breaker_failed(&health->breaker, use->key, 1, clock_mono_ms());
}

static void tell(const struct sources *sources, const struct conf_source *conf, bool was_open)
{
	const struct source_health *health = find(sources, conf);
	struct breaker_change change = {.of = "source",
		.name = conf->name,
		.open = health && health->breaker.open,
		.failures = health ? health->breaker.failures : 0};

	if (sources->bus && change.open != was_open)
		event_publish(sources->bus, EVENT_BREAKER, &change);
}

void sources_leave(struct sources *sources, const struct sources_use *use,
	enum sources_outcome outcome, const char *why)
{
	struct source_health *health = find(sources, use->conf);
	const char *before = state_name(sources, use->conf);
	bool was_open = health && health->breaker.open;

	if (outcome == USE_FAILED)
		count_failure(sources, health, use, why);
	else if (health && outcome == USE_LEFT)
		breaker_left(&health->breaker, use->key);
	else if (health && (outcome == USE_SUCCEEDED || health->breaker.open))
		drop(sources, health);
	if (state_name(sources, use->conf) != before)
		log_debug(sources->log, "source %s: the breaker is %s, was %s", use->conf->name,
			state_name(sources, use->conf), before);
	tell(sources, use->conf, was_open);
}
