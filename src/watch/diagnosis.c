/* SPDX-License-Identifier: MIT */
/* The checks of the doctor, one function for each subject; see diagnosis.h. */
#include "watch/diagnosis.h"

#include <string.h>

#include "base/mem.h"
#include "watch/diagnosis_internal.h"

enum { total_ms = 20000, max_away = 16 };

const char *diagnosis_severity_name(enum finding_severity severity)
{
	static const char *const names[] = {"error", "warning", "hint"};

	return names[severity];
}

struct finding *diagnosis_add(struct diagnosis *diagnosis, enum finding_severity severity,
	const char *code, const char *subject, char *detail, char *fix)
{
	size_t n = ++diagnosis->count;

	diagnosis->findings = mem_realloc(diagnosis->findings, n * sizeof *diagnosis->findings);
	struct finding *finding = &diagnosis->findings[n - 1];

	*finding = (struct finding){severity, code, mem_strdup(subject), NULL, detail, fix};
	return finding;
}

static void judge_sentinels(struct diagnosis *diagnosis, struct sentinel *sentinel)
{
	for (size_t i = 0; i < sentinel_count(sentinel); i++) {
		struct sentinel_view view;

		sentinel_view(sentinel, i, &view);
		if (view.fault.error)
			diagnosis_add(diagnosis, FINDING_WARNING, "sentinel", view.address,
				mem_strdup(view.fault.detail),
				mem_strdup(
					view.fault.error == ERR_REDIS_AUTH
						? "Set redis.sentinel.username and "
						  "redis.sentinel.password_file to a user of the "
						  "sentinels."
						: "Check the sentinels in redis.url, whether each "
						  "runs "
						  "there, and SENTINEL MASTERS on it."));
	}
}

static void judge_lack(struct diagnosis *diagnosis, const struct redis_lack *lack)
{
	const char *user = lack->user;
	struct finding *finding;

	if (!lack->command)
		finding = diagnosis_add(diagnosis, FINDING_ERROR, "keys_denied", lack->own_key,
			mem_printf("the user %s may not use cachewarden's own keys, such as %s",
				user, lack->own_key),
			mem_printf("ACL SETUSER %s ~*", user));
	else if (lack->denied)
		finding = diagnosis_add(diagnosis, FINDING_ERROR, "command_denied", lack->command,
			mem_printf("the user %s may not run %s", user, lack->command),
			mem_printf("ACL SETUSER %s +%s", user, lack->command_lower));
	else
		finding = diagnosis_add(diagnosis, FINDING_ERROR, "command_unknown", lack->command,
			mem_printf("the server does not know %s", lack->command),
			mem_printf("Remove rename-command for %s, or the proxy that does not "
				   "pass it on.",
				lack->command));
	if (lack->features.n)
		finding->feature = mem_strdup(lack->features.p);
}

/* Each once, however many servers deny it. */
static void judge_lacks(struct diagnosis *diagnosis, const struct store *store, bool warms)
{
	uint64_t lacks = store_state(store).lacks & capabilities_used(warms);

	for (unsigned i = 0; i < 64; i++) {
		struct redis_lack lack;

		if (!(lacks >> i & 1))
			continue;
		redis_node_lack_parts(store_lacking(store, i), i, &lack);
		judge_lack(diagnosis, &lack);
		buf_release(&lack.features);
	}
}

static bool any_token_valid(const struct conf *conf)
{
	int64_t now_ms = clock_wall_ms();

	for (size_t i = 0; i < conf->token_count; i++)
		if (conf->tokens[i].expires_wall_ms < 0 || conf->tokens[i].expires_wall_ms > now_ms)
			return true;
	return false;
}

static void judge_configuration(struct diagnosis *diagnosis, const struct conf *conf)
{
	if (conf->redis.tls && conf->redis.tls_files.verify == TLS_VERIFY_NONE)
		diagnosis_add(diagnosis, FINDING_WARNING, "tls_not_verified", "redis.tls.verify",
			mem_strdup("the certificate of Redis is not verified: another server may "
				   "answer in its place"),
			mem_strdup("Set redis.tls.ca to the authority of the server's certificate, "
				   "and remove redis.tls.verify."));
	if (conf->insecure_http)
		diagnosis_add(diagnosis, FINDING_WARNING, "insecure_http", "insecure_http",
			mem_strdup("tokens may cross the network in clear text"),
			mem_strdup("Listen on loopback addresses or Unix sockets alone, and remove "
				   "insecure_http."));
	if (conf->anonymous.scopes == 0 && !any_token_valid(conf))
		diagnosis_add(diagnosis, FINDING_WARNING, "no_token", "auth.tokens",
			mem_strdup("no token is valid, so nearly all requests are answered 401"),
			mem_strdup("Add a token under auth.tokens."));
	for (const char *line = conf_warnings(conf), *end; *line && (end = strchr(line, '\n'));
		line = end + 1)
		diagnosis_add(diagnosis, FINDING_HINT, "configuration",
			conf->file ? conf->file : "configuration",
			mem_strndup(line, (size_t)(end - line)), mem_strdup("Correct that line."));
}

/* What is wrong with a cluster as a whole, though a server of it works. */
static void judge_cluster(struct diagnosis *diagnosis, const struct store *store)
{
	struct redis_state state = store_state(store);
	struct slot_absence absence;

	if (!diagnosis->several)
		return;
	if (state.status == REDIS_DOWN) {
		if (diagnosis->serving)
			diagnosis_add_fault(
				diagnosis, FINDING_ERROR, "redis.url", &state.last_error);
		return;
	}
	for (size_t i = 0; i < max_away && store_absence(store, i, &absence); i++) {
		diagnosis_add(diagnosis, FINDING_ERROR, "slots_away",
			absence.node ? absence.node : "slots",
			mem_printf("%u of %d slots have no primary that answers (%s): %s",
				absence.slots, SLOT_COUNT, absence.ranges.p, absence.why.p),
			mem_strdup(absence.fix.p));
		slot_absence_release(&absence);
	}
}

/* How many of the nodes have the address of node i. */
static size_t on_machine(struct redis_node *const *nodes, size_t count, size_t i)
{
	const char *name = redis_node_name(nodes[i]), *port = strrchr(name, ':');
	size_t n = port ? (size_t)(port - name) + 1 : strlen(name), same = 0;

	for (size_t j = 0; j < count; j++)
		same += strncmp(redis_node_name(nodes[j]), name, n) == 0;
	return same;
}

/* Parks: the primaries may change meanwhile. */
static void judge_servers(struct diagnosis *diagnosis, struct cache *cache, const struct conf *conf)
{
	struct redis_node *const *primaries;
	size_t count = store_primaries(cache->store, &primaries);
	struct redis_node **nodes = mem_array(count, sizeof(struct redis_node *));

	for (size_t i = 0; i < count; i++)
		nodes[i] = redis_node_ref(primaries[i]);
	diagnosis->servers = mem_array(count, sizeof *diagnosis->servers);
	for (size_t i = 0; i < count; i++) {
		diagnosis->neighbours = on_machine(nodes, count, i);
		diagnosis_server(diagnosis, nodes[i], conf);
	}
	for (size_t i = 0; i < count; i++)
		redis_node_unref(nodes[i]);
	mem_free(nodes);
}

void diagnosis_make(struct cache *cache, const struct fault *layout, struct diagnosis *ret)
{
	/* A reload may release the configuration while this parks. */
	struct conf *conf = conf_ref(cache->conf);
	struct sentinel *sentinel = store_sentinel(cache->store);
	bool warms = conf->job_count > 0;
	struct buf acl = {0};

	*ret = (struct diagnosis){
		.several = !store_is_one(cache->store), .deadline = clock_deadline(total_ms)};
	judge_servers(ret, cache, conf);
	judge_cluster(ret, cache->store);
	judge_lacks(ret, cache->store, warms);
	if (sentinel) {
		sentinel_await(sentinel, clock_deadline(DIAGNOSIS_QUESTION_MS));
		judge_sentinels(ret, sentinel);
	}
	if (layout && layout->error)
		diagnosis_add(ret, FINDING_WARNING, "key_layout", "cw:meta",
			mem_strdup(layout->detail),
			mem_strdup("See \"Key layout\" in docs/upgrading.md."));
	judge_configuration(ret, conf);
	redis_node_acl(store_node(cache->store, SLICE("")), warms, &acl);
	buf_str(&acl, conf->redis.database ? " +select" : "");
	ret->acl = buf_steal(&acl, NULL);
	conf_unref(conf);
}

bool diagnosis_ok(const struct diagnosis *diagnosis)
{
	for (size_t i = 0; i < diagnosis->count; i++)
		if (diagnosis->findings[i].severity == FINDING_ERROR)
			return false;
	return true;
}

void diagnosis_release(struct diagnosis *diagnosis)
{
	for (size_t i = 0; i < diagnosis->count; i++) {
		struct finding *finding = &diagnosis->findings[i];

		mem_free(finding->subject);
		mem_free(finding->feature);
		mem_free(finding->detail);
		mem_free(finding->fix);
	}
	for (size_t i = 0; i < diagnosis->server_count; i++) {
		mem_free(diagnosis->servers[i].name);
		mem_free(diagnosis->servers[i].version);
		mem_free(diagnosis->servers[i].mode);
		mem_free(diagnosis->servers[i].role);
	}
	mem_free(diagnosis->findings);
	mem_free(diagnosis->servers);
	mem_free(diagnosis->acl);
	*diagnosis = (struct diagnosis){0};
}
