/* SPDX-License-Identifier: MIT */
/*
 * The keys of list entries and named maps: tokens, namespaces, entities, dependencies, jobs,
 * loaders. Those of sources are in type_source.c.
 */
#include <string.h>

#include "base/clock.h"
#include "conf/query.h"
#include "conf/reader.h"
#include "text/glob.h"
#include "text/quantity.h"

enum { usual_visits = 8 /* at a time */, max_watched = 64 };
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
	if (!node_given(node, "sha256") && !node_given(node, "client_certificate"))
		return "has no sha256: give the SHA-256 of the whole token, 64 hexadecimal digits "
		       "(or client_certificate, that of a client's certificate)";
	if (node_given(node, "sha256") && node_given(node, "client_certificate"))
		return "has both sha256 and client_certificate: make two entries, which may have "
		       "the same name";
	if (!expires) {
		token->expires_wall_ms = -1;
	} else if (token->expires_wall_ms <= clock_wall_ms()) {
		mark = reader_enter(r, SLICE("expires"));
		reader_warn(r, expires,
			reader_say(r, "%s has passed: requests with this token are refused",
				expires->text.p));
		reader_leave(r, mark);
	}
	return NULL;
}

/* clang-format off */
static const struct key token_keys[] = {
	{"name", &type_name, AT(conf_token, name), .flags = KEY_REQUIRED, .help = "give the token a name for logs and metrics"},
	{"sha256", &type_sha256, AT(conf_token, sha256), .help = "the SHA-256 of the whole token"},
	{"client_certificate", &type_client_certificate, .help = "instead of sha256: the SHA-256 of a client certificate (its DER)"},
	{"scopes", &type_scopes, AT(conf_token, identity.scopes), .min = 1, .flags = KEY_REQUIRED, .help = "list what the token may do, such as [read]"},
	{"key_prefixes", &type_strings, LIST(conf_token, identity.key_prefixes, identity.key_prefix_count), .def = "[]", .max = 1000, .help = "prefixes of the keys that it may access; none = all keys"},
	{"max_keys", &type_int, AT(conf_token, identity.max_keys), "0", 0, TERA, .help = "keys of one invalidation; 0 = invalidate.max_keys"},
	{"requests_per_second", &type_int, AT(conf_token, requests_per_second), "0", 0, 1000000, .help = "0 = unlimited"},
	{"expires", &type_date, AT(conf_token, expires_wall_ms), .help = "when it expires; never by default"},
};
/* clang-format on */
const struct section section_token = {
	SECTION(token_keys, struct conf_token), .finish = finish_token};

/* clang-format off */
static const struct key namespace_keys[] = {
	{"prefix", &type_slice, AT(conf_namespace, prefix), .min = 1, .max = 512, .flags = KEY_REQUIRED, .help = "give the prefix of its keys"},
	{"ttl", &type_duration, AT(conf_namespace, ttl_ms), .min = SECOND, .max = MAX_TTL, .flags = KEY_REQUIRED, .help = "give the lifetime of its keys, such as 30m"},
	{"stale_for", &type_duration, AT(conf_namespace, stale_for_ms), "0s", 0, MAX_TTL, .flags = KEY_QUIET, .help = "how long a value stays usable after its TTL while a newer one is loaded"},
	{"compress_above", &type_size, AT(conf_namespace, compress_above), "0", 0, 512 * INT64_C(1048576), .flags = KEY_QUIET, .help = "larger values are stored compressed; 0 = none"},
};
/* clang-format on */
const struct section section_namespace = {
	SECTION(namespace_keys, struct conf_namespace), .unique = "prefix"};

/* An entity's template has the placeholder {id} and no other. */
static bool only_id(const struct template *template)
{
	return template_names(template) == 1 && slice_is(template_name(template, 0), "id");
}

static const char *finish_entity(struct reader *r, struct node *node, void *object)
{
	static const char wrong[] = "%.*s must contain {id} and no other placeholder";
	const struct conf_entity *entity = object;
	struct slice text;

	(void)node;
	if (!entity->key_count && !entity->pattern_count && !entity->tag_count)
		return "must have keys, patterns or tags";
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
	{"patterns", &type_templates, LIST(conf_entity, patterns, pattern_count), .def = "[]", .max = 64, .help = "glob patterns with {id}; each needs a scan of all keys"},
	{"tags", &type_templates, LIST(conf_entity, tags, tag_count), .def = "[]", .max = 64, .help = "tags, each with {id}, of the keys that belong to it"},
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
			return reader_say(r, "has %.*s with {%.*s}, which is not in `when`",
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
		return "must have invalidate or patterns: what is invalidated with the key";
	for (size_t i = 0; i < rule->invalidate_count && !wrong; i++)
		wrong = unknown_capture(r, rule->when, rule->invalidate[i]);
	for (size_t i = 0; i < rule->pattern_count && !wrong; i++)
		wrong = unknown_capture(r, rule->when, rule->patterns[i]);
	return wrong;
}

/* clang-format off */
static const struct key dependency_keys[] = {
	{"when", &type_template, AT(conf_dependency, when), .flags = KEY_REQUIRED, .help = "give the key that it is for, such as \"user:profile:{id}\""},
	{"invalidate", &type_templates, LIST(conf_dependency, invalidate, invalidate_count), .def = "[]", .max = 1000, .help = "the keys that are invalidated with it"},
	{"patterns", &type_templates, LIST(conf_dependency, patterns, pattern_count), .def = "[]", .max = 64, .help = "patterns whose keys are invalidated with it"},
};
/* clang-format on */
const struct section section_dependency = {
	SECTION(dependency_keys, struct conf_dependency), .finish = finish_dependency};

/* A duration for all rows, or a template for the TTL of each row. */
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
const struct type type_job_ttl = {.set = set_ttl};

/* {invalidated: "product:*"} */
static const char *set_invalidated(struct reader *r, struct node *node, struct conf_job *job)
{
	const struct node *pattern = node_member(node, SLICE("invalidated"));
	struct fault fault;

	if (!pattern || node->count != 1 || pattern->kind != NODE_SCALAR)
		return "must be startup, redis_flushed or {invalidated: PATTERN}";
	if (glob_check(pattern->text, &fault) != OK)
		return reader_say(r, "is not an acceptable pattern: %s", fault.detail);
	if (job->invalidated_count == max_watched)
		return "has more than 64 patterns";
	if (!job->invalidated)
		job->invalidated = arena_alloc(r->arena, max_watched * sizeof *job->invalidated);
	job->invalidated[job->invalidated_count++] = arena_slice(r->arena, pattern->text);
	return NULL;
}

static const char *set_on(struct reader *r, const struct key *key, struct node *node, void *object)
{
	struct conf_job *job = object;

	(void)key;
	if (node->kind == NODE_MAP)
		return set_invalidated(r, node, job);
	if (node->kind == NODE_SCALAR && slice_is(node->text, "startup"))
		job->on_startup = true;
	else if (node->kind == NODE_SCALAR && slice_is(node->text, "redis_flushed"))
		job->on_redis_flushed = true;
	else
		return "must be startup, redis_flushed or {invalidated: PATTERN}";
	return NULL;
}
static const struct list job_on = {
	.expected = "must be a list of startup, redis_flushed and {invalidated: PATTERN}",
	.set = set_on,
};
const struct type type_job_on = {.list = &job_on};

static const char *finish_schedule(struct node *node, struct conf_schedule *schedule)
{
	bool cron = node_given(node, "schedule.cron"), every = node_given(node, "schedule.every");

	if (!node_given(node, "schedule.starting_deadline"))
		schedule->starting_deadline_ms = -1;
	if (!node_given(node, "schedule"))
		return NULL;
	if (cron == every)
		return "must have a schedule with either cron or every";
	if (every && node_given(node, "schedule.time_zone"))
		return "has a schedule with every and time_zone: every counts from the epoch";
	schedule->kind = cron ? SCHEDULE_CRON : SCHEDULE_EVERY;
	return NULL;
}

/* With many rows, only the last one would remain. */
static void warn_of_one_key(struct reader *r, struct node *node, const struct conf_job *job)
{
	size_t mark;

	if (template_names(job->key) || job->mode == MODE_VISIT)
		return;
	mark = reader_enter(r, SLICE("key"));
	reader_warn(r, node_find(node, "key"),
		"contains no {name}: all rows are stored under one key, and only the last one "
		"remains");
	reader_leave(r, mark);
}

static void free_template(void *p)
{
	template_free(p);
}

/* A job that stores nothing: the empty key is outside of each token's prefixes. */
static const char *finish_visit(struct reader *r, struct node *node, struct conf_job *job)
{
	static const char *const stored[] = {
		"key", "value", "value_base64", "ttl", "ttl_jitter", "tags"};
	const char *why;

	if (!node_given(node, "visit"))
		return "must have visit, such as {use: api, path: \"/products/{id}\"}";
	for (size_t i = 0; i < sizeof stored / sizeof *stored; i++)
		if (node_given(node, stored[i]))
			return reader_say(
				r, "has %s, but mode visit, which stores nothing", stored[i]);
	job->key = template_parse(slice_of("", 0), &why);
	arena_own(r->arena, job->key, free_template);
	if (!node_given(node, "window"))
		job->window = usual_visits;
	return NULL;
}

static const char *finish_job(struct reader *r, struct node *node, void *object)
{
	struct conf_job *job = object;
	const char *wrong = NULL;

	if (job->mode == MODE_VISIT)
		wrong = finish_visit(r, node, job);
	else if (node_given(node, "visit"))
		wrong = "has visit, which belongs to mode visit";
	else if (!node_given(node, "key"))
		wrong = "must have a key: give the template of a row's key, such as "
			"\"rate:{code}\"";
	if (wrong)
		return wrong;
	warn_of_one_key(r, node, job);
	if (!node_given(node, "ttl"))
		job->ttl_ms = -1;
	if (job->refresh_below_ms > 0 && job->mode != MODE_REFRESH)
		return "has refresh_below, which belongs to mode refresh";
	if (node_given(node, "value") && node_given(node, "value_base64"))
		return "has value and value_base64: remove one of them";
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
	{"schedule.starting_deadline", &type_duration, AT(conf_job, schedule.starting_deadline_ms), .min = SECOND, .max = 366 * DAY, .help = "a start that is later than this is skipped"},
	{"on", &type_job_on, .def = "[]", .help = "other events that start it: startup, redis_flushed, {invalidated: PATTERN}"},
	{"after", &type_strings, LIST(conf_job, after, after_count), .def = "[]", .max = 64, .help = "jobs after whose completed runs it starts"},
	{"source", &type_job_source, .flags = KEY_REQUIRED, .section = &section_source, .help = "define where its rows come from"},
	{"key", &type_template, AT(conf_job, key), .help = "the template of a row's key, such as \"rate:{code}\""},
	{"visit", &type_job_visit, .section = &section_source, .help = "mode visit: {use, path}: the address that is requested for each row"},
	{"value", &type_template, AT(conf_job, value), .help = "the value to store; by default the whole row as JSON"},
	{"value_base64", &type_template, AT(conf_job, value), .help = "as value, but decoded from base64"},
	{"ttl", &type_job_ttl, AT(conf_job, ttl_ms), .min = SECOND, .max = MAX_TTL, .help = "lifetime of its keys; by default that of the namespace"},
	{"ttl_jitter", &type_ratio, AT(conf_job, ttl_jitter), "0%", 0, 90, .help = "each TTL is shortened by up to this"},
	{"tags", &type_templates, LIST(conf_job, tags, tag_count), .def = "[]", .max = 16, .help = "the tags of each row's key, such as [products, \"shop-{shop_id}\"]"},
	{"rate", &type_int, AT(conf_job, rate), "0", 0, 100000000, .help = "keys per second; 0 = unlimited"},
	{"window", &type_int, AT(conf_job, window), "256", 1, 65536, .help = "commands that may be in flight"},
	{"pace.max_latency", &type_duration, AT(conf_job, max_latency_ms), "0s", 0, 10 * SECOND, .flags = KEY_QUIET, .help = "slow down so that Redis answers other clients within this time; 0 = full speed"},
	{"timeout", &type_duration, AT(conf_job, timeout_ms), "10m", 10, 7 * DAY, .help = "how long one run may take"},
	{"retries.attempts", &type_int, AT(conf_job, attempts), "1", 1, 100, .help = "how often a run is tried"},
	{"retries.backoff", &type_duration, AT(conf_job, backoff_ms), "5s", 0, DAY, .help = "the wait before the second try; it doubles"},
	{"mode", &type_choice, AT(conf_job, mode), "replace", .choices = "replace missing refresh swap visit", .help = "which keys are stored: all, those that are missing, those that are there; swap: all, and others that an earlier run stored are removed; visit: none, an address is requested for each row"},
	{"refresh_below", &type_duration, AT(conf_job, refresh_below_ms), "0s", 0, MAX_TTL, .flags = KEY_QUIET, .help = "mode refresh: only keys with a TTL below this; 0 = all"},
	{"empty", &type_choice_bool, AT(conf_job, empty_ok), "fail", .choices = "fail ok", .help = "whether a run without rows has failed"},
	{"suspend", &type_bool, AT(conf_job, suspended), "false", .help = "it runs only when it is started by name"},
};
/* clang-format on */
const struct section section_job = {
	SECTION(job_keys, struct conf_job), .unique = "name", .finish = finish_job};

static bool is_param(const struct conf_loader *loader, struct slice name)
{
	for (size_t i = 0; i < loader->param_count; i++)
		if (slice_equal(loader->params[i], name))
			return true;
	return false;
}

/* Each placeholder of the template must be a parameter. */
static const char *check_names(
	struct reader *r, const struct conf_loader *loader, const struct template *template)
{
	for (size_t i = 0; i < template_names(template); i++) {
		struct slice name = template_name(template, i), text = template_text(template);

		if (!is_param(loader, name))
			return reader_say(r, "has %.*s with {%.*s}, which is not in params",
				(int)text.n, text.p, (int)name.n, name.p);
	}
	return NULL;
}

static bool no_value(void *context, struct slice name, struct buf *out)
{
	(void)context;
	(void)name;
	(void)out;
	return false;
}

/* Different calls must not share a key. */
static const char *check_params(struct reader *r, const struct conf_loader *loader)
{
	struct slice touching;

	if (!template_tells(loader->key, no_value, NULL, &touching))
		return reader_say(r,
			"has a key in which {%.*s} is directly followed by a placeholder: "
			"different calls would share a value",
			(int)touching.n, touching.p);
	for (size_t i = 0; i < loader->param_count; i++) {
		struct slice param = loader->params[i];
		const char *wrong = reader_check_name(param);
		bool in_key = false;

		if (wrong)
			return reader_say(r, "has the parameter %.*s, which %s", (int)param.n,
				param.p, wrong);
		for (size_t j = 0; j < template_names(loader->key); j++)
			in_key = in_key || slice_equal(template_name(loader->key, j), param);
		if (!in_key)
			return reader_say(r,
				"has the parameter %.*s, which is not in its key: different calls "
				"would share a value",
				(int)param.n, param.p);
	}
	return NULL;
}

/* PostgreSQL wants exactly the parameters that the query has. */
static const char *check_query(struct reader *r, const struct conf_loader *loader)
{
	unsigned most = loader->source.query_params;

	if (most > loader->param_count)
		return reader_say(
			r, "has $%u in its query, but only %zu params", most, loader->param_count);
	for (unsigned n = 1; n < most; n++)
		if (!query_has_param(slice_str(loader->source.query), n))
			return reader_say(r,
				"has $%u in its query, but no $%u: they are the params in their "
				"order",
				most, n);
	return NULL;
}

static const char *finish_loader(struct reader *r, struct node *node, void *object)
{
	struct conf_loader *loader = object;
	const char *wrong = check_params(r, loader);

	if (!node_given(node, "ttl"))
		loader->ttl_ms = -1;
	if (!node_given(node, "stale_for"))
		loader->stale_for_ms = -1;
	if (!wrong)
		wrong = check_names(r, loader, loader->key);
	for (size_t i = 0; i < loader->tag_count && !wrong; i++)
		wrong = check_names(r, loader, loader->tags[i]);
	if (!wrong && loader->source.type == SOURCE_HTTP)
		wrong = check_names(r, loader, loader->source.url_path);
	if (!wrong && loader->source.type == SOURCE_POSTGRES)
		wrong = check_query(r, loader);
	if (!wrong && loader->many && loader->value)
		wrong = "has many and value: many stores all rows as they are";
	return wrong;
}

/* clang-format off */
static const struct key loader_keys[] = {
	{"params", &type_strings, LIST(conf_loader, params, param_count), .def = "[]", .max = 16, .help = "parameters of a call; each is part of the key"},
	{"key", &type_template, AT(conf_loader, key), .flags = KEY_REQUIRED, .help = "give the template of a value's key, such as \"user_profile:{user_id}\""},
	{"source", &type_loader_source, .flags = KEY_REQUIRED, .section = &section_source, .help = "define where the value comes from"},
	{"value", &type_template, AT(conf_loader, value), .help = "the value to store; by default the whole row as JSON"},
	{"many", &type_bool, AT(conf_loader, many), "false", .flags = KEY_QUIET, .help = "the value is a JSON array of all rows, not the only row"},
	{"ttl", &type_duration, AT(conf_loader, ttl_ms), .min = SECOND, .max = MAX_TTL, .help = "lifetime of a value; by default that of the namespace"},
	{"stale_for", &type_duration, AT(conf_loader, stale_for_ms), .max = MAX_TTL, .help = "as in a namespace, for keys that begin as this one does"},
	{"absent_for", &type_duration, AT(conf_loader, absent_ms), "0s", .max = MAX_TTL, .help = "how long it is remembered that the source has no such value; 0s = not at all"},
	{"tags", &type_templates, LIST(conf_loader, tags, tag_count), .def = "[]", .max = 16, .help = "the tags of its keys, such as [\"user-{user_id}\"]"},
	{"timeout", &type_duration, AT(conf_loader, timeout_ms), "5s", 10, 5 * MINUTE, .help = "how long one load may take"},
};
/* clang-format on */
const struct section section_loader = {SECTION(loader_keys, struct conf_loader),
	.name_offset = offsetof(struct conf_loader, name), .finish = finish_loader};
