/* SPDX-License-Identifier: MIT */
/* A fiber for each webhook; see notify.h. */
#include "watch/notify.h"

#include <math.h>
#include <string.h>
#include <uthash.h>

#include "base/crypto.h"
#include "base/hex.h"
#include "base/mem.h"
#include "base/random.h"
#include "base/timestamp.h"
#include "source/webhook.h"
#include "text/json.h"

enum {
	request_ms = 10000,
	min_retry_ms = 1000,
	max_retry_ms = 60000,
	fingerprint_bytes = 8,
};

/* The last state of an alert that a webhook was not told. */
struct pending {
	char *name;
	cJSON *body;
	bool fires;
	UT_hash_handle hh;
};

struct receiver {
	struct notify *notify;
	struct fiber *fiber;
	struct conf *conf; /* that `webhook` belongs to */
	const struct conf_webhook *webhook;
	struct pending *pending;
	bool gone; /* the configuration does not name it any more */
	uint64_t round;
	uint64_t random;
	struct receiver *next;
};

struct notify {
	struct cache *cache;
	const struct alerts *alerts;
	struct sources *sources;
	struct log *log;
	struct fiber_group group;
	struct event_subscription *changes, *reloads;
	struct receiver *receivers;
	uint64_t round; /* counts configurations, to know the receivers that the last one names */
};

static void pending_free(struct receiver *receiver, struct pending *pending)
{
	HASH_DEL(receiver->pending, pending);
	cJSON_Delete(pending->body);
	mem_free(pending->name);
	mem_free(pending);
}

/* Takes `body` over. An older state of the alert is replaced if `newer`, else it stays. */
static void pending_put(
	struct receiver *receiver, const char *name, cJSON *body, bool fires, bool newer)
{
	struct pending *pending;

	HASH_FIND_STR(receiver->pending, name, pending);
	if (pending && !newer) {
		cJSON_Delete(body);
		return;
	}
	if (!pending) {
		pending = mem_new(struct pending);
		pending->name = mem_strdup(name);
		HASH_ADD_KEYPTR(
			hh, receiver->pending, pending->name, strlen(pending->name), pending);
	}
	cJSON_Delete(pending->body);
	pending->body = body;
	pending->fires = fires;
}

/* Alertmanager identifies an alert by a digest of its labels. */
static void add_fingerprint(cJSON *body, const cJSON *labels)
{
	uint8_t digest[SHA256_BYTES];
	struct buf text = {0}, hex = {0};

	json_print(labels, &text);
	crypto_sha256(buf_slice(&text), digest);
	hex_encode(digest, fingerprint_bytes, &hex);
	cJSON_AddStringToObject(body, "fingerprint", hex.p);
	buf_release(&text);
	buf_release(&hex);
}

static void add_annotations(cJSON *body, const struct alert_look *look)
{
	cJSON *annotations = cJSON_AddObjectToObject(body, "annotations");
	const struct conf_alert *rule = look->rule;
	struct buf text = {0}, number = {0};

	metric_render_number(&number, rule->threshold);
	buf_printf(&text, "%s: %s ", rule->name, rule->metric.text);
	if (isnan(look->value)) {
		buf_str(&text, "is not known");
	} else {
		buf_str(&text, "is ");
		metric_render_number(&text, look->value);
	}
	buf_printf(&text, "; it fires %s %s", rule->is_above ? "above" : "below", number.p);
	cJSON_AddStringToObject(annotations, "summary", text.p);
	buf_clear(&number);
	if (!isnan(look->value)) {
		metric_render_number(&number, look->value);
		cJSON_AddStringToObject(annotations, "value", number.p);
	}
	buf_release(&number);
	buf_release(&text);
}

static cJSON *alert_json(const struct notify *notify, const struct alert_look *look)
{
	cJSON *body = cJSON_CreateObject();
	bool fires = look->state == ALERT_FIRING;

	cJSON_AddStringToObject(body, "status", fires ? "firing" : "resolved");
	cJSON *labels = cJSON_AddObjectToObject(body, "labels");
	cJSON_AddStringToObject(labels, "alertname", look->rule->name);
	json_add_text(labels, "instance", notify->cache->conf->name);
	cJSON_AddStringToObject(labels, "job", "cachewarden");
	cJSON_AddStringToObject(labels, "severity", alerts_severity_name(look->rule->severity));
	add_annotations(body, look);
	json_add_time(body, "startsAt", look->started_wall_ms);
	/* Go's zero time says that it has not ended. */
	if (fires)
		cJSON_AddStringToObject(body, "endsAt", "0001-01-01T00:00:00Z");
	else
		json_add_time(body, "endsAt", look->since_wall_ms);
	cJSON_AddStringToObject(body, "generatorURL", "");
	add_fingerprint(body, labels);
	return body;
}

static void tell(struct receiver *receiver, const struct alert_look *look)
{
	if (!receiver->webhook->severities[look->rule->severity])
		return;
	pending_put(receiver, look->rule->name, alert_json(receiver->notify, look),
		look->state == ALERT_FIRING, true);
	fiber_wake(receiver->fiber);
}

static void changed(void *context, const void *data)
{
	struct notify *notify = context;

	for (struct receiver *r = notify->receivers; r; r = r->next)
		if (!r->gone)
			tell(r, data);
}

/* The request's body over all that is pending, which stays until it was delivered. */
static void make_body(const struct receiver *receiver, struct buf *out)
{
	cJSON *body = cJSON_CreateObject(), *alerts;
	bool fires = false;

	for (const struct pending *pending = receiver->pending; pending; pending = pending->hh.next)
		fires = fires || pending->fires;
	cJSON_AddStringToObject(body, "version", "4");
	cJSON_AddStringToObject(body, "groupKey", "{}:{job=\"cachewarden\"}");
	cJSON_AddNumberToObject(body, "truncatedAlerts", 0);
	cJSON_AddStringToObject(body, "status", fires ? "firing" : "resolved");
	cJSON_AddStringToObject(body, "receiver", "cachewarden");
	for (size_t i = 0; i < 2; i++) {
		static const char *const names[] = {"groupLabels", "commonLabels"};
		cJSON *labels = cJSON_AddObjectToObject(body, names[i]);

		cJSON_AddStringToObject(labels, "job", "cachewarden");
	}
	cJSON_AddObjectToObject(body, "commonAnnotations");
	cJSON_AddStringToObject(body, "externalURL", "");
	alerts = cJSON_AddArrayToObject(body, "alerts");
	for (const struct pending *pending = receiver->pending; pending; pending = pending->hh.next)
		cJSON_AddItemToArray(alerts, cJSON_Duplicate(pending->body, true));
	json_print(body, out);
	cJSON_Delete(body);
}

static void forget_all(struct receiver *receiver)
{
	struct pending *pending, *next;

	HASH_ITER(hh, receiver->pending, pending, next)
	pending_free(receiver, pending);
}

/* Sends all that is pending. False if it has to be tried again. Parks. */
static bool deliver(struct receiver *receiver)
{
	struct receiver sending = {.notify = receiver->notify, .pending = receiver->pending};
	struct metrics *m = receiver->notify->cache->metrics;
	struct conf *conf = conf_ref(receiver->conf);
	const struct conf_webhook *webhook = receiver->webhook;
	struct buf body = {0};
	struct fault fault;
	bool again = true;

	/* News that come meanwhile are for the next request. */
	receiver->pending = NULL;
	make_body(&sending, &body);
	struct webhook_call call = {.url = webhook->url,
		.url_shown = webhook->url_shown,
		.secret = webhook->secret,
		.body = buf_slice(&body),
		.deadline = clock_deadline(request_ms)};
	enum error error = webhook_post(receiver->notify->sources, &call, &again, &fault);

	metric_add(m, METRIC_NOTIFICATIONS, error ? "failed" : "delivered", NULL, 1);
	/* A request that a reload or the end of the daemon cuts off has not failed. */
	if (error && error != ERR_CANCELLED)
		log_warning(receiver->notify->log, "notify: %s%s", fault.detail,
			again ? ", trying again" : ", these alerts are not sent again");
	again = error && again;
	for (struct pending *pending = sending.pending, *next; pending; pending = next) {
		next = pending->hh.next;
		if (again) {
			pending_put(receiver, pending->name, pending->body, pending->fires, false);
			pending->body = NULL;
		}
		pending_free(&sending, pending);
	}
	buf_release(&body);
	conf_unref(conf);
	return !again;
}

static int64_t pause_ms(struct receiver *receiver, unsigned failures)
{
	int64_t bound = failures < 6 ? (int64_t)min_retry_ms << failures : max_retry_ms;
	double share = random_unit(&receiver->random);

	return bound / 2 + (int64_t)(share * (double)bound / 2);
}

static void receiver_fiber(void *argument)
{
	struct receiver *receiver = argument;
	unsigned failures = 0;
	enum error error = OK;

	while (!receiver->gone && !error) {
		if (!receiver->pending)
			error = fiber_park("an alert", DEADLINE_NONE);
		else if (deliver(receiver))
			failures = 0;
		else
			error = fiber_sleep(pause_ms(receiver, failures++));
	}
	forget_all(receiver);
	receiver->fiber = NULL;
}

/* A receiver of the address that has no row of this configuration yet. */
static struct receiver *find(struct notify *notify, const struct conf_webhook *webhook)
{
	for (struct receiver *r = notify->receivers; r; r = r->next)
		if (!r->gone && r->round != notify->round &&
			strcmp(r->webhook->url, webhook->url) == 0)
			return r;
	return NULL;
}

/* What fires already is new to a receiver that was not there before. */
static void receiver_begin(
	struct notify *notify, const struct conf_webhook *webhook, struct conf *conf)
{
	struct receiver *receiver = mem_new(struct receiver);

	receiver->notify = notify;
	receiver->conf = conf_ref(conf);
	receiver->webhook = webhook;
	receiver->round = notify->round;
	crypto_random(&receiver->random, sizeof receiver->random);
	receiver->next = notify->receivers;
	notify->receivers = receiver;
	receiver->fiber = fiber_spawn(&notify->group, "webhook", receiver_fiber, receiver);
	for (size_t i = 0; i < alerts_count(notify->alerts); i++) {
		struct alert_look look = alerts_look(notify->alerts, i);

		if (look.state == ALERT_FIRING)
			tell(receiver, &look);
	}
}

/* Frees the receivers whose fibers have ended. */
static void sweep(struct notify *notify)
{
	for (struct receiver **at = &notify->receivers; *at;) {
		struct receiver *receiver = *at;

		if (receiver->fiber) {
			at = &receiver->next;
			continue;
		}
		*at = receiver->next;
		forget_all(receiver);
		conf_unref(receiver->conf);
		mem_free(receiver);
	}
}

static void follow(struct notify *notify, struct conf *conf)
{
	sweep(notify);
	notify->round++;
	for (size_t i = 0; i < conf->webhook_count; i++) {
		const struct conf_webhook *webhook = &conf->webhooks[i];
		struct receiver *known = find(notify, webhook);

		if (!known) {
			receiver_begin(notify, webhook, conf);
			continue;
		}
		conf_unref(known->conf);
		known->conf = conf_ref(conf);
		known->webhook = webhook;
		known->round = notify->round;
	}
	for (struct receiver *r = notify->receivers; r; r = r->next) {
		if (r->round == notify->round)
			continue;
		r->gone = true;
		if (r->fiber)
			fiber_cancel(r->fiber);
	}
}

static void reloaded(void *context, const void *data)
{
	follow(context, (struct conf *)data);
}

struct notify *notify_new(
	struct cache *cache, const struct alerts *alerts, struct sources *sources, struct log *log)
{
	struct notify *notify = mem_new(struct notify);

	notify->cache = cache;
	notify->alerts = alerts;
	notify->sources = sources;
	notify->log = log;
	fiber_group_init(&notify->group, "notify", cache->loop);
	notify->changes = event_subscribe(cache->bus, EVENT_ALERT, changed, notify);
	notify->reloads = event_subscribe(cache->bus, EVENT_CONFIG, reloaded, notify);
	follow(notify, cache->conf);
	return notify;
}

void notify_free(struct notify *notify)
{
	if (!notify)
		return;
	event_unsubscribe(notify->changes);
	event_unsubscribe(notify->reloads);
	fiber_group_stop(&notify->group);
	sweep(notify);
	mem_free(notify);
}
