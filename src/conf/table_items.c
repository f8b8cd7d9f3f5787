/* SPDX-License-Identifier: MIT */
/* The keys of list entries and named maps: tokens, namespaces, entities, dependencies, jobs. */
#include <string.h>

#include "base/clock.h"
#include "conf/reader.h"
#include "text/quantity.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE };
#define DAY	(24 * (int64_t)HOUR)
#define MAX_TTL TTL_MAX_MS
#define TERA	INT64_C(1000000000000)

#define AT(kind, field)	     .offset = offsetof(struct kind, field)
#define LIST(kind, field, n) AT(kind, field), .count_offset = offsetof(struct kind, n)
#define SECTION(rows, type)  .keys = rows, .count = sizeof rows / sizeof *rows, .size = sizeof(type)

static const char *finish_token(struct reader *r, struct node *node, void *object)
{
	struct conf_token *token = object;
	const struct node *expires = node_given(node, "expires");
	size_t mark;

	token->identity.name = token->name;
	if (!expires) {
		token->expires_wall_ms = -1;
	} else if (token->expires_wall_ms <= clock_wall_ms()) {
		mark = reader_enter(r, SLICE("expires"));
		reader_warn(r, expires,
			reader_say(r, "%s has passed: the token is refused", expires->text.p));
		reader_leave(r, mark);
	}
	return NULL;
}

/* clang-format off */
static const struct key token_keys[] = {
	{"name", &type_name, AT(conf_token, name), .flags = KEY_REQUIRED, .help = "give the token a name for logs and metrics"},
	{"sha256", &type_sha256, AT(conf_token, sha256), .flags = KEY_REQUIRED, .help = "give the SHA-256 of the whole token, 64 hexadecimal digits"},
	{"scopes", &type_scopes, AT(conf_token, identity.scopes), .min = 1, .flags = KEY_REQUIRED, .help = "say what the token may do, such as [read]"},
	{"key_prefixes", &type_strings, LIST(conf_token, identity.key_prefixes, identity.key_prefix_count), .def = "[]", .max = 1000, .help = "the beginnings of the keys it may touch; none = all"},
	{"max_keys", &type_int, AT(conf_token, identity.max_keys), "0", 0, TERA, .help = "keys of one invalidation; 0 = invalidate.max_keys"},
	{"requests_per_second", &type_int, AT(conf_token, requests_per_second), "0", 0, 1000000, .help = "0 = unlimited"},
	{"expires", &type_date, AT(conf_token, expires_wall_ms), .help = "when it ends; never unless given"},
};
/* clang-format on */
const struct section section_token = {
	SECTION(token_keys, struct conf_token), .finish = finish_token};

/* clang-format off */
static const struct key namespace_keys[] = {
	{"prefix", &type_slice, AT(conf_namespace, prefix), .min = 1, .max = 512, .flags = KEY_REQUIRED, .help = "say how its keys begin"},
	{"ttl", &type_duration, AT(conf_namespace, ttl_ms), .min = SECOND, .max = MAX_TTL, .flags = KEY_REQUIRED, .help = "say how long its keys live, such as 30m"},
	{"stale_for", &type_duration, AT(conf_namespace, stale_for_ms), "0s", 0, MAX_TTL, .flags = KEY_QUIET, .help = "how long a value stays usable after its TTL while a newer one is loaded"},
	{"compress_above", &type_size, AT(conf_namespace, compress_above), "0", 0, 512 * INT64_C(1048576), .flags = KEY_QUIET, .help = "larger values are stored compressed; 0 = none"},
};
/* clang-format on */
const struct section section_namespace = {
	SECTION(namespace_keys, struct conf_namespace), .unique = "prefix"};

/* An entity's template has {id} and nothing else. */
static bool only_id(const struct template *template)
{
	return template_names(template) == 1 && slice_is(template_name(template, 0), "id");
}

static const char *finish_entity(struct reader *r, struct node *node, void *object)
{
	static const char wrong[] = "%.*s must hold {id} and no other name";
	const struct conf_entity *entity = object;
	struct slice text;

	(void)node;
	if (!entity->key_count && !entity->pattern_count && !entity->tag_count)
		return "needs keys, patterns or tags that are about it";
	for (size_t i = 0; i < entity->key_count; i++) {
		text = template_text(entity->keys[i].key);
		if (!only_id(entity->keys[i].key))
			return reader_say(r, wrong, (int)text.n, text.p);
	}
	for (size_t i = 0; i < entity->pattern_count; i++) {
		text = template_text(entity->patterns[i]);
		if (!only_id(entity->patterns[i]))
			return reader_say(r, wrong, (int)text.n, text.p);
	}
	for (size_t i = 0; i < entity->tag_count; i++) {
		text = template_text(entity->tags[i]);
		if (!only_id(entity->tags[i]))
			return reader_say(r, wrong, (int)text.n, text.p);
	}
	return NULL;
}

/* clang-format off */
static const struct key entity_keys[] = {
	{"field", &type_name, AT(conf_entity, field), .help = "the member of an invalidation's body that takes its ids"},
	{"keys", &type_entity_keys, LIST(conf_entity, keys, key_count), .max = 1000, .help = "its keys, each with {id}: a list, or a map that names them"},
	{"patterns", &type_templates, LIST(conf_entity, patterns, pattern_count), .def = "[]", .max = 64, .help = "glob patterns with {id}: they cost a pass over all keys"},
	{"tags", &type_templates, LIST(conf_entity, tags, tag_count), .def = "[]", .max = 64, .help = "the tags, each with {id}, whose keys are about it"},
};
/* clang-format on */
const struct section section_entity = {SECTION(entity_keys, struct conf_entity),
	.name_offset = offsetof(struct conf_entity, name), .finish = finish_entity};

static const char *unknown_capture(
	struct reader *r, const struct template *when, const struct template *template)
{
	for (size_t i = 0; i < template_names(template); i++) {
		struct slice name = template_name(template, i), text = template_text(template);
		bool known = false;

		for (size_t j = 0; j < template_names(when); j++)
			known = known || slice_equal(template_name(when, j), name);
		if (!known)
			return reader_say(r, "has %.*s with {%.*s}, which `when` does not have",
				(int)text.n, text.p, (int)name.n, name.p);
	}
	return NULL;
}

static const char *finish_dependency(struct reader *r, struct node *node, void *object)
{
	const struct conf_dependency *rule = object;
	const char *wrong = NULL;

	(void)node;
	if (!rule->invalidate_count && !rule->pattern_count)
		return "needs invalidate or patterns: what goes with the key";
	for (size_t i = 0; i < rule->invalidate_count && !wrong; i++)
		wrong = unknown_capture(r, rule->when, rule->invalidate[i]);
	for (size_t i = 0; i < rule->pattern_count && !wrong; i++)
		wrong = unknown_capture(r, rule->when, rule->patterns[i]);
	return wrong;
}

/* clang-format off */
static const struct key dependency_keys[] = {
	{"when", &type_template, AT(conf_dependency, when), .flags = KEY_REQUIRED, .help = "say which key it is about, such as \"user:profile:{id}\""},
	{"invalidate", &type_templates, LIST(conf_dependency, invalidate, invalidate_count), .def = "[]", .max = 1000, .help = "the keys that go with it"},
	{"patterns", &type_templates, LIST(conf_dependency, patterns, pattern_count), .def = "[]", .max = 64, .help = "the patterns whose keys go with it"},
};
/* clang-format on */
const struct section section_dependency = {
	SECTION(dependency_keys, struct conf_dependency), .finish = finish_dependency};

/* A duration for all rows, or a template for what the row says. */
static const char *set_ttl(struct reader *r, const struct key *key, struct node *node, void *object)
{
	struct conf_job *job = object;

	job->ttl_ms = -1;
	if (node->kind == NODE_SCALAR && memchr(node->text.p, '{', node->text.n)) {
		struct key inner = {.offset = offsetof(struct conf_job, ttl)};

		return type_template.set(r, &inner, node, object);
	}
	return type_duration.set(r, key, node, object);
}
const struct type type_job_ttl = {"duration or template", PRINT_TEXT, set_ttl};

static const char *set_on(struct reader *r, const struct key *key, struct node *node, void *object)
{
	struct conf_job *job = object;
	size_t i = 0;

	(void)key;
	if (node->kind != NODE_LIST)
		return "must be a list of startup and redis_flushed";
	for (struct node *child = node->children; child; child = child->next) {
		size_t mark = reader_enter_element(r, i++);

		if (node_member(child, SLICE("invalidated")))
			reader_fault(r, child, "invalidated is not supported by this version");
		else if (child->kind == NODE_SCALAR && slice_is(child->text, "startup"))
			job->on_startup = true;
		else if (child->kind == NODE_SCALAR && slice_is(child->text, "redis_flushed"))
			job->on_redis_flushed = true;
		else
			reader_fault(r, child, "must be startup or redis_flushed");
		reader_leave(r, mark);
	}
	return NULL;
}
const struct type type_job_on = {"list of events", PRINT_TEXT, set_on};

static const char *finish_schedule(struct node *node, struct conf_schedule *schedule)
{
	bool cron = node_given(node, "schedule.cron"), every = node_given(node, "schedule.every");

	if (!node_given(node, "schedule.starting_deadline"))
		schedule->starting_deadline_ms = -1;
	if (!node_given(node, "schedule"))
		return NULL;
	if (cron == every)
		return "needs a schedule with either cron or every";
	if (every && node_given(node, "schedule.time_zone"))
		return "has a schedule with every and time_zone: it counts from the epoch";
	schedule->kind = cron ? SCHEDULE_CRON : SCHEDULE_EVERY;
	return NULL;
}

/* Of a job with many rows only the last would be kept. */
static void warn_of_one_key(struct reader *r, struct node *node, const struct conf_job *job)
{
	size_t mark;

	if (template_names(job->key))
		return;
	mark = reader_enter(r, SLICE("key"));
	reader_warn(r, node_find(node, "key"),
		"holds no {name}: all rows go under one key, and the last of them stays");
	reader_leave(r, mark);
}

static const char *finish_job(struct reader *r, struct node *node, void *object)
{
	struct conf_job *job = object;

	warn_of_one_key(r, node, job);
	if (!node_given(node, "ttl"))
		job->ttl_ms = -1;
	if (node_given(node, "value") && node_given(node, "value_base64"))
		return "has value and value_base64: keep one of them";
	job->value_base64 = node_given(node, "value_base64") != NULL;
	return finish_schedule(node, &job->schedule);
}

/* clang-format off */
static const struct key job_keys[] = {
	{"name", &type_name, AT(conf_job, name), .flags = KEY_REQUIRED, .help = "give the job a name"},
	{"schedule.cron", &type_cron, AT(conf_job, schedule.cron), .min = 1, .max = 256, .help = "five fields, or @hourly and the like"},
	{"schedule.time_zone", &type_zone, AT(conf_job, schedule.time_zone), "UTC", .min = 1, .max = 64, .flags = KEY_QUIET, .help = "the zone of cron's hours, such as Europe/Paris"},
	{"schedule.every", &type_duration, AT(conf_job, schedule.every_ms), .min = SECOND, .max = 366 * DAY, .help = "at multiples of this since the epoch"},
	{"schedule.jitter", &type_duration, AT(conf_job, schedule.jitter_ms), "0s", 0, DAY, .flags = KEY_QUIET, .help = "a random delay of up to this"},
	{"schedule.starting_deadline", &type_duration, AT(conf_job, schedule.starting_deadline_ms), .min = SECOND, .max = 366 * DAY, .help = "a start that is later than this is left out"},
	{"on", &type_job_on, .def = "[]", .help = "what else starts it: startup, redis_flushed"},
	{"after", &type_later, .flags = KEY_LATER, .help = "chains of jobs"},
	{"source", &type_job_source, .flags = KEY_REQUIRED, .section = &section_source, .help = "say where its rows come from"},
	{"key", &type_template, AT(conf_job, key), .flags = KEY_REQUIRED, .help = "say how a row's key is made, such as \"rate:{code}\""},
	{"value", &type_template, AT(conf_job, value), .help = "what is stored; the whole row as JSON unless given"},
	{"value_base64", &type_template, AT(conf_job, value), .help = "the same, decoded first"},
	{"ttl", &type_job_ttl, AT(conf_job, ttl_ms), .min = SECOND, .max = MAX_TTL, .help = "how long its keys live; as the namespace says unless given"},
	{"ttl_jitter", &type_ratio, AT(conf_job, ttl_jitter), "0%", 0, 90, .help = "each TTL is shortened by up to this"},
	{"tags", &type_templates, LIST(conf_job, tags, tag_count), .def = "[]", .max = 16, .help = "the tags of each row's key, such as [products, \"shop-{shop_id}\"]"},
	{"rate", &type_int, AT(conf_job, rate), "0", 0, 100000000, .help = "keys a second; 0 = unlimited"},
	{"window", &type_int, AT(conf_job, window), "256", 1, 65536, .help = "commands that may wait for Redis's answer"},
	{"timeout", &type_duration, AT(conf_job, timeout_ms), "10m", 10, 7 * DAY, .help = "how long one run may take"},
	{"retries.attempts", &type_int, AT(conf_job, attempts), "1", 1, 100, .help = "how often a run is tried"},
	{"retries.backoff", &type_duration, AT(conf_job, backoff_ms), "5s", 0, DAY, .help = "the wait before the second try; it doubles"},
	{"mode", &type_choice, AT(conf_job, mode), "replace", .choices = "replace missing refresh !swap !visit", .help = "which keys are stored: all, those that are missing, those that are there"},
	{"empty", &type_choice_bool, AT(conf_job, empty_ok), "fail", .choices = "fail ok", .help = "whether a run without rows has failed"},
	{"suspend", &type_bool, AT(conf_job, suspended), "false", .help = "it starts only when asked for by name"},
};
/* clang-format on */
const struct section section_job = {
	SECTION(job_keys, struct conf_job), .unique = "name", .finish = finish_job};
