/* SPDX-License-Identifier: MIT */
/* Rules over several keys: exposure, unique fields and tokens, prefixes; see rules.h. */
#include "conf/rules.h"

#include <string.h>

#include "conf/address.h"
#include "conf/https.h"

/* Members of the bodies of /invalidate and /expire, which no entity's field may have as its name. */
static const char *const reserved_fields[] = {"patterns", "keys", "tags", "entities",
	"dependents_of", "cascade", "dry_run", "soft", "spread", "verify", "rewarm", "max_keys",
	"confirm", "wait", "strict", "pace", "note", "ttl", "only", "jitter"};

static const char *const default_protected[] = {"session:*", "sess:*", "spring:session:*",
	"PHPREDIS_SESSION:*", "*queues:*", "*horizon:*", "bull:*", "celery*", "_kombu.*",
	"unacked*", "lock:*"};

/* The entry of a list or map that was read into element `index` of its array. */
static struct node *entry_of(struct node *list, size_t index)
{
	struct node *entry = list ? list->children : NULL;

	while (entry && index--)
		entry = entry->next;
	return entry;
}

/* Appends "[2]" or ".name" to the current path. */
static size_t enter_entry(
	struct reader *r, const struct node *list, const struct node *entry, size_t index)
{
	return list->kind == NODE_MAP ? reader_enter(r, entry->name)
				      : reader_enter_element(r, index);
}

/* A fault of the member `name` (NULL: of the whole) of an entry of `list`, at its own line. */
static void fault_in(
	struct reader *r, struct node *list, size_t index, const char *name, const char *sentence)
{
	struct node *entry = entry_of(list, index);
	struct node *member = name ? node_find(entry, name) : NULL;
	size_t mark = enter_entry(r, list, entry, index);

	if (name)
		reader_enter(r, slice_str(name));
	reader_fault(r, member ? member : entry, sentence);
	reader_leave(r, mark);
}

/* The same for an entry of the list or map at `path`. */
static void fault_at_entry(struct reader *r, struct node *root, const char *path, size_t index,
	const char *name, const char *sentence)
{
	size_t mark = reader_enter(r, slice_str(path));

	fault_in(r, node_find(root, path), index, name, sentence);
	reader_leave(r, mark);
}

static void check_listens(struct reader *r, struct node *root, struct conf *conf)
{
	bool all_local = true;

	/* Then no listener is plain. */
	if (conf->tls.server)
		conf->insecure_http = false;
	for (size_t i = 0; i < conf->listen_count; i++) {
		if (address_is_local(&conf->listens[i]))
			continue;
		all_local = false;
		if (!conf->insecure_http && !conf->tls.server)
			fault_at_entry(r, root, "listen", i, NULL,
				reader_say(r,
					"is %s, which other machines can reach without TLS: use a "
					"loopback address, or set tls, or "
					"insecure_http: true",
					conf->listens[i].text));
	}
	conf->anonymous.name = "anonymous";
	if (conf->anonymous.scopes & (SCOPE_FLUSH | SCOPE_ADMIN))
		reader_fault_at(r, root, "auth.anonymous",
			"must not contain flush or admin: use a token for these");
	if ((conf->anonymous.scopes & ~(unsigned)SCOPE_METRICS) && !all_local)
		reader_fault_at(r, root, "auth.anonymous",
			"may contain more than metrics only if every listen address is a loopback "
			"address or a Unix socket");
}

static void check_fields(struct reader *r, struct node *root, const struct conf *conf)
{
	for (size_t i = 0; i < conf->entity_count; i++) {
		const struct conf_entity *a = &conf->entities[i];

		for (size_t j = 0; a->field && j < sizeof reserved_fields / sizeof *reserved_fields;
			j++)
			if (strcmp(a->field, reserved_fields[j]) == 0)
				fault_at_entry(r, root, "entities", i, "field",
					reader_say(r,
						"is %s, which has another meaning in the body of "
						"/invalidate or /expire",
						a->field));
		for (size_t j = 0; a->field && j < i; j++)
			if (conf->entities[j].field &&
				strcmp(a->field, conf->entities[j].field) == 0)
				fault_at_entry(r, root, "entities", i, "field",
					reader_say(r, "is %s, which entities.%s already uses",
						a->field, conf->entities[j].name));
	}
}

/* Every row of such a job would be refused. */
static void check_jobs(struct reader *r, struct node *root, const struct conf *conf)
{
	struct slice own = slice_str(conf->redis.own_prefix);

	for (size_t i = 0; i < conf->job_count; i++)
		if (slice_starts(template_text(conf->jobs[i].key), own))
			fault_at_entry(r, root, "warm.jobs", i, "key",
				reader_say(r,
					"begins with %s, which is reserved for cachewarden's own "
					"keys (redis.own_prefix)",
					own.p));
}

/* The place of a job; job_count if there is none of that name. A job with a fault has no name. */
static size_t find_job(const struct conf *conf, struct slice name)
{
	size_t i = 0;

	while (i < conf->job_count && !(conf->jobs[i].name && slice_is(name, conf->jobs[i].name)))
		i++;
	return i;
}

/* Whether all jobs that this one comes after are `done`. */
static bool follows_done(const struct conf *conf, const struct conf_job *job, const bool *done)
{
	bool all = true;

	for (size_t i = 0; i < job->after_count && all; i++) {
		size_t before = find_job(conf, job->after[i]);

		all = before == conf->job_count || done[before];
	}
	return all;
}

/* The runs of jobs that come after each other in a circle would never end. */
static void check_circles(struct reader *r, struct node *root, const struct conf *conf)
{
	bool *done = arena_alloc(r->arena, (conf->job_count + 1) * sizeof *done);
	bool more = true;

	while (more) {
		more = false;
		for (size_t i = 0; i < conf->job_count; i++) {
			bool now = !done[i] && follows_done(conf, &conf->jobs[i], done);

			done[i] = done[i] || now;
			more = more || now;
		}
	}
	for (size_t i = 0; i < conf->job_count; i++)
		if (!done[i])
			fault_at_entry(r, root, "warm.jobs", i, "after",
				"belongs to a circle of jobs, or comes after one: their runs would "
				"never end");
}

static void check_after(struct reader *r, struct node *root, const struct conf *conf)
{
	for (size_t i = 0; i < conf->job_count; i++) {
		const struct conf_job *job = &conf->jobs[i];

		for (size_t j = 0; j < job->after_count; j++)
			if (find_job(conf, job->after[j]) == conf->job_count)
				fault_at_entry(r, root, "warm.jobs", i, "after",
					reader_say(r, "names %.*s, which is not a job",
						(int)job->after[j].n, job->after[j].p));
	}
	check_circles(r, root, conf);
}

/* How the template begins, up to its first name. */
static struct slice literal_head(const struct template *template)
{
	struct slice text = template_text(template);
	const char *brace = memchr(text.p, '{', text.n);

	return slice_of(text.p, brace ? (size_t)(brace - text.p) : text.n);
}

static struct conf_namespace *namespace_of(const struct conf *conf, struct slice prefix)
{
	for (size_t i = 0; i < conf->namespace_count; i++)
		if (slice_equal(conf->namespaces[i].prefix, prefix))
			return &conf->namespaces[i];
	return NULL;
}

/* Adds a namespace for the keys of a loader with its own stale_for, if there is none. */
static const char *loader_namespace(
	struct reader *r, struct conf *conf, const struct conf_loader *loader)
{
	struct slice head = literal_head(loader->key);
	struct conf_namespace *exact = namespace_of(conf, head);

	if (!head.n)
		return "cannot be used with a key that begins with a placeholder: set stale_for in "
		       "its namespace instead";
	if (exact && exact->stale_for_ms != loader->stale_for_ms)
		return reader_say(r, "differs from that of the namespace %.*s: set it in one place",
			(int)head.n, head.p);
	if (exact)
		return NULL;
	const struct conf_namespace *around = conf_namespace(conf, head);
	struct conf_namespace made =
		around ? *around : (struct conf_namespace){.ttl_ms = conf->default_ttl_ms};
	made.prefix = head;
	made.stale_for_ms = loader->stale_for_ms;
	conf->namespaces[conf->namespace_count++] = made;
	return NULL;
}

/*
 * Whether a value is stale is derived from its TTL by every reader, so a loader's stale_for must
 * apply to its keys everywhere.
 */
static void join_loaders(struct reader *r, struct node *root, struct conf *conf)
{
	size_t count = conf->namespace_count;
	struct conf_namespace *all =
		arena_alloc(r->arena, (count + conf->loader_count) * sizeof *all);
	struct slice own = slice_str(conf->redis.own_prefix);

	if (count)
		memcpy(all, conf->namespaces, count * sizeof *all);
	conf->namespaces = all;
	for (size_t i = 0; i < conf->loader_count; i++) {
		const struct conf_loader *loader = &conf->loaders[i];
		const char *wrong = NULL, *member = "stale_for";

		if (!loader->key)
			continue; /* reported already */
		if (slice_starts(template_text(loader->key), own)) {
			member = "key";
			wrong = reader_say(r,
				"begins with %s, which is reserved for cachewarden's own keys "
				"(redis.own_prefix)",
				own.p);
		} else if (loader->stale_for_ms >= 0) {
			wrong = loader_namespace(r, conf, loader);
		}
		if (wrong)
			fault_at_entry(r, root, "loaders", i, member, wrong);
	}
}

static void join_protected(struct reader *r, struct conf_full *full)
{
	size_t ours = full->private.default_protected
			      ? sizeof default_protected / sizeof *default_protected
			      : 0;
	size_t own = full->private.own_protected_count;
	struct slice *all = arena_alloc(r->arena, (ours + own) * sizeof *all);

	for (size_t i = 0; i < ours; i++)
		all[i] = slice_str(default_protected[i]);
	if (own)
		memcpy(all + ours, full->private.own_protected, own * sizeof *all);
	full->conf.protected = all;
	full->conf.protected_count = ours + own;
	full->conf.default_protected_count = ours;
}

/* The rows of auth.tokens_file, as a list; NULL if there are faults. */
static struct node *load_tokens_file(struct reader *r, struct node *root, struct conf_full *full)
{
	struct document_file file = {.path = full->private.tokens_file, .secret = true};
	struct node *list = document_load(r->arena, &file, r->faults);

	full->private.tokens_stamp = file.stamp;
	memcpy(full->private.tokens_digest, file.digest, sizeof file.digest);
	if (file.wrong)
		reader_fault_at(r, root, "auth.tokens_file",
			reader_say(r, "names %s, which %s", file.path, file.wrong));
	/* A file that is being rewritten is empty for a moment, so an empty file is not a list. */
	if (list && list->kind == NODE_MAP && !list->count) {
		reader_fault(r, list, "is empty: write a list without tokens as []");
		list = NULL;
	}
	return list;
}

/* Appends them. */
static struct node *read_tokens_file(struct reader *r, struct node *root, struct conf_full *full)
{
	static const struct key row = {"auth.tokens", &type_items,
		.offset = offsetof(struct conf, tokens),
		.count_offset = offsetof(struct conf, token_count), .max = 10000,
		.section = &section_token};
	struct node *list = load_tokens_file(r, root, full);
	struct conf more = {0};
	struct conf_token *all;
	const char *wrong;
	size_t mark;

	if (!list)
		return NULL;
	mark = reader_enter(r, SLICE("auth.tokens_file"));
	wrong = type_set(r, &row, list, &more);
	if (wrong)
		reader_fault(r, list, wrong);
	reader_leave(r, mark);
	all = arena_alloc(r->arena, (full->conf.token_count + more.token_count) * sizeof *all);
	if (full->conf.token_count)
		memcpy(all, full->conf.tokens, full->conf.token_count * sizeof *all);
	if (more.token_count)
		memcpy(all + full->conf.token_count, more.tokens, more.token_count * sizeof *all);
	full->conf.tokens = all;
	full->conf.token_count += more.token_count;
	return list;
}

/*
 * Where the rows of conf->tokens come from: the main file and what it includes, then tokens_file.
 */
struct token_lists {
	struct node *own, *file;
	size_t own_count;
};

static void fault_of_token(struct reader *r, const struct token_lists *lists,
	const struct conf *conf, size_t index, const char *sentence)
{
	bool own = index < lists->own_count;
	size_t mark = reader_enter(r, slice_str(own ? "auth.tokens" : "auth.tokens_file"));

	fault_in(r, own ? lists->own : lists->file, own ? index : index - lists->own_count,
		conf->tokens[index].by_certificate ? "client_certificate" : "sha256", sentence);
	reader_leave(r, mark);
}

/* With one digest in two rows, a token would be ambiguous. */
static void check_tokens(struct reader *r, const struct token_lists *lists, const struct conf *conf)
{
	for (size_t i = 0; i < conf->token_count; i++) {
		if (conf->tokens[i].by_certificate && !conf->tls.client_ca)
			fault_of_token(r, lists, conf, i,
				"needs tls.client_ca: without it, clients show no certificate");
		for (size_t j = 0; j < i; j++)
			if (memcmp(conf->tokens[i].sha256, conf->tokens[j].sha256,
				    sizeof conf->tokens[i].sha256) == 0)
				fault_of_token(r, lists, conf, i,
					reader_say(r, "is also that of the token %s",
						conf->tokens[j].name));
	}
}

static void join_tokens(struct reader *r, struct node *root, struct conf_full *full)
{
	struct token_lists lists = {
		.own = node_find(root, "auth.tokens"), .own_count = full->conf.token_count};
	unsigned faults = r->faults->count;

	if (full->private.tokens_file)
		lists.file = read_tokens_file(r, root, full);
	if (r->faults->count == faults)
		check_tokens(r, &lists, &full->conf);
}

/* Members of redis.tls that would be ignored are faults: the connection would be less than asked.
 */
static void check_redis_tls(struct reader *r, struct node *root, struct conf_redis *redis)
{
	static const char *const members[] = {"redis.tls.ca", "redis.tls.certificate",
		"redis.tls.key", "redis.tls.server_name", "redis.tls.verify"};
	bool certificate = redis->tls_files.certificate, key = redis->tls_files.key;
	bool tls = redis->tls || redis->sentinel.tls;

	for (size_t i = 0; !tls && i < sizeof members / sizeof *members; i++)
		if (node_given(root, members[i]))
			reader_fault_at(r, root, members[i],
				"is given, but redis.url does not begin with rediss");
	if (certificate != key)
		reader_fault_at(r, root, certificate ? "redis.tls.certificate" : "redis.tls.key",
			certificate ? "needs redis.tls.key beside it"
				    : "needs redis.tls.certificate beside it");
	redis->tls_files.expires_wall_ms = https_expiry(redis->tls_files.certificate);
	if (redis->tls_files.ca)
		reader_expect_file(r, root, "redis.tls.ca", redis->tls_files.ca);
}

static void check_sentinel(struct reader *r, struct node *root, struct conf_redis *redis)
{
	static const char *const members[] = {"redis.sentinel.username", "redis.sentinel.password",
		"redis.sentinel.password_file", "redis.sentinel.tls"};
	bool used = redis->kind == REDIS_URL_SENTINEL;

	if (redis->sentinel.username && !*redis->sentinel.username)
		redis->sentinel.username = NULL;
	for (size_t i = 0; !used && i < sizeof members / sizeof *members; i++)
		if (node_given(root, members[i]))
			reader_fault_at(r, root, members[i],
				"is given, but redis.url names no sentinels (redis+sentinel://)");
	if (node_given(root, "redis.sentinel.password") &&
		node_given(root, "redis.sentinel.password_file"))
		reader_fault_at(r, root, "redis.sentinel.password_file",
			"conflicts with redis.sentinel.password: remove one of them");
}

/* Keys of our own are put into slots by a tag, which must be the first. */
static void check_cluster(struct reader *r, struct node *root, const struct conf_redis *redis)
{
	if (redis->kind == REDIS_URL_CLUSTER && strchr(redis->own_prefix, '{'))
		reader_fault_at(r, root, "redis.own_prefix",
			"contains {, which decides about the slots of a cluster's keys: choose "
			"another prefix");
}

static void check_password_command(
	struct reader *r, struct node *root, const struct conf_redis *redis)
{
	if (!node_given(root, "redis.password_command"))
		return;
	if (node_given(root, "redis.password") || node_given(root, "redis.password_file"))
		reader_fault_at(r, root, "redis.password_command",
			"conflicts with redis.password and redis.password_file: remove the others");
	if (redis->password_argv)
		reader_expect_program(r, root, "redis.password_command", redis->password_argv[0]);
}

const char *rules_finish(struct reader *r, struct node *root, void *object)
{
	struct conf_full *full = object;
	struct conf_redis *redis = &full->conf.redis;

	if (redis->username && !*redis->username)
		redis->username = NULL;
	if (node_given(root, "redis.password") && node_given(root, "redis.password_file"))
		reader_fault_at(r, root, "redis.password_file",
			"conflicts with redis.password: remove one of them");
	check_sentinel(r, root, redis);
	check_password_command(r, root, redis);
	check_redis_tls(r, root, redis);
	check_cluster(r, root, redis);
	https_load(r, root, full);
	check_listens(r, root, &full->conf);
	check_fields(r, root, &full->conf);
	check_jobs(r, root, &full->conf);
	check_after(r, root, &full->conf);
	join_loaders(r, root, &full->conf);
	join_protected(r, full);
	join_tokens(r, root, full);
	alert_join(r, &full->conf);
	return NULL;
}
