/* SPDX-License-Identifier: MIT */
/* The checks of the doctor, one function for each subject; see diagnosis.h. */
#include "watch/diagnosis.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "redis/info.h"

enum { question_ms = 3000, pings = 15, slow_ms = 10 };

const char *diagnosis_severity_name(enum finding_severity severity)
{
	static const char *const names[] = {"error", "warning", "hint"};

	return names[severity];
}

static struct finding *add(struct diagnosis *diagnosis, enum finding_severity severity,
	const char *code, const char *subject, char *detail, char *fix)
{
	size_t n = ++diagnosis->count;

	diagnosis->findings = mem_realloc(diagnosis->findings, n * sizeof *diagnosis->findings);
	struct finding *finding = &diagnosis->findings[n - 1];

	*finding = (struct finding){severity, code, mem_strdup(subject), NULL, detail, fix};
	return finding;
}

static const char *fix_of(enum error error)
{
	switch (error) {
	case ERR_REDIS_AUTH:
		return "Set redis.username and redis.password_file to a user of that server.";
	case ERR_REDIS_LOADING:
		return "Wait until the server has loaded its data.";
	case ERR_REDIS_BUSY:
		return "Wait for the script that runs, or end it with SCRIPT KILL.";
	case ERR_NOT_PRIMARY:
		return "Set redis.url to the primary.";
	case ERR_CLUSTER_NODE:
		return "Set redis.url to a server that is not part of a cluster.";
	default:
		return "Check redis.url, whether the server runs there, and what is in between.";
	}
}

static void judge_server(struct diagnosis *diagnosis, const struct redis_state *state)
{
	const struct fault *fault = state->status != REDIS_UP ? &state->last_error : &state->unfit;
	bool passes = state->status == REDIS_IS_LOADING || state->status == REDIS_IS_BUSY;
	enum error error = fault->error;

	if (state->status != REDIS_UP && !error)
		error = ERR_REDIS_UNAVAILABLE;
	if (error)
		add(diagnosis, passes ? FINDING_WARNING : FINDING_ERROR, error_code(error),
			diagnosis->name,
			mem_strdup(*fault->detail ? fault->detail : error_title(error)),
			mem_strdup(fix_of(error)));
}

static void judge_sentinels(struct diagnosis *diagnosis, struct sentinel *sentinel)
{
	for (size_t i = 0; i < sentinel_count(sentinel); i++) {
		struct sentinel_view view;

		sentinel_view(sentinel, i, &view);
		if (view.fault.error)
			add(diagnosis, FINDING_WARNING, "sentinel", view.address,
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
		finding = add(diagnosis, FINDING_ERROR, "keys_denied", lack->own_key,
			mem_printf("the user %s may not use cachewarden's own keys, such as %s",
				user, lack->own_key),
			mem_printf("ACL SETUSER %s ~*", user));
	else if (lack->denied)
		finding = add(diagnosis, FINDING_ERROR, "command_denied", lack->command,
			mem_printf("the user %s may not run %s", user, lack->command),
			mem_printf("ACL SETUSER %s +%s", user, lack->command_lower));
	else
		finding = add(diagnosis, FINDING_ERROR, "command_unknown", lack->command,
			mem_printf("the server does not know %s", lack->command),
			mem_printf("Remove rename-command for %s, or the proxy that does not "
				   "pass it on.",
				lack->command));
	if (lack->features.n)
		finding->feature = mem_strdup(lack->features.p);
}

static void judge_lacks(struct diagnosis *diagnosis, const struct redis_node *node, uint64_t lacks)
{
	for (unsigned i = 0; i < 64; i++) {
		struct redis_lack lack;

		if (!(lacks >> i & 1))
			continue;
		redis_node_lack_parts(node, i, &lack);
		judge_lack(diagnosis, &lack);
		buf_release(&lack.features);
	}
}

/* Whether a version such as 7.0.15 comes before this one. */
static bool older(const char *version, long major, long minor)
{
	char *end;
	long is_major = strtol(version, &end, 10);
	long is_minor = *end == '.' ? strtol(end + 1, NULL, 10) : 0;

	return is_major < major || (is_major == major && is_minor < minor);
}

static void judge_version(struct diagnosis *diagnosis, const struct redis_info *info)
{
	bool old = *info->version &&
		   (info->valkey ? older(info->version, 7, 2) : older(info->version, 6, 0));

	if (old)
		add(diagnosis, FINDING_WARNING, "version", diagnosis->name,
			mem_printf("the server is %s %s; Redis 6.0 and Valkey 7.2 are the oldest "
				   "that are supported",
				info->valkey ? "Valkey" : "Redis", info->version),
			mem_strdup("Upgrade the server."));
}

static void judge_memory(
	struct diagnosis *diagnosis, const struct conf *conf, const struct redis_info *info)
{
	int64_t limit = info->max_memory > 0 ? info->max_memory : conf->redis.memory_limit;

	if (info->max_memory == 0 && limit == 0)
		add(diagnosis, FINDING_HINT, "memory_unlimited", "maxmemory",
			mem_strdup("maxmemory is 0: nothing limits the memory of Redis"),
			mem_strdup("CONFIG SET maxmemory, or set redis.memory_limit to what the "
				   "server may use."));
	if (strcmp(info->policy, "noeviction") == 0 && limit > 0 &&
		(double)info->used_memory > 0.8 * (double)limit)
		add(diagnosis, FINDING_WARNING, "memory_policy", "maxmemory-policy",
			mem_strdup("memory is above 80 % and the policy is noeviction: writes will "
				   "be refused"),
			mem_strdup("Raise maxmemory, or choose a volatile-* policy."));
	if (strncmp(info->policy, "allkeys-", 8) == 0)
		add(diagnosis, FINDING_HINT, "memory_policy", "maxmemory-policy",
			mem_printf("the policy %s can evict cachewarden's own keys before values",
				info->policy),
			mem_strdup("A volatile-* policy keeps them longer."));
}

static void ask_info(struct diagnosis *diagnosis, struct cache *cache)
{
	struct redis_value *reply = NULL;
	struct redis_info info;

	if (redis_store_call(cache->store,
		    (struct redis_call){
			    .idempotent = true, .deadline = clock_deadline(question_ms)},
		    SLICE(""), 1, (struct slice[]){SLICE("INFO")}, &reply, NULL))
		return;
	redis_info_parse(reply->text, cache->conf->redis.database, &info);
	if (*info.version)
		diagnosis->version =
			mem_printf("%s %s", info.valkey ? "Valkey" : "Redis", info.version);
	if (*info.mode)
		diagnosis->mode = mem_strdup(info.mode);
	if (*info.role)
		diagnosis->role = mem_strdup(info.role);
	judge_version(diagnosis, &info);
	judge_memory(diagnosis, cache->conf, &info);
	redis_info_release(&info);
	redis_value_free(reply);
}

static int compare_times(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void measure_latency(struct diagnosis *diagnosis, struct cache *cache)
{
	const size_t middle = pings / 2;
	int64_t took_ns[pings];

	for (int i = 0; i < pings; i++) {
		int64_t began = clock_mono_ns();

		if (redis_store_call(cache->store,
			    (struct redis_call){
				    .idempotent = true, .deadline = clock_deadline(question_ms)},
			    SLICE(""), 1, (struct slice[]){SLICE("PING")}, NULL, NULL))
			return;
		took_ns[i] = clock_mono_ns() - began;
	}
	qsort(took_ns, pings, sizeof *took_ns, compare_times);
	diagnosis->latency_ms = (double)took_ns[middle] / 1e6;
	if (diagnosis->latency_ms > slow_ms)
		add(diagnosis, FINDING_WARNING, "latency", diagnosis->name,
			mem_printf("half of %d PINGs took more than %.1f ms", pings,
				diagnosis->latency_ms),
			mem_strdup("Run cachewarden near its Redis; look at SLOWLOG GET and "
				   "LATENCY DOCTOR there."));
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
		add(diagnosis, FINDING_WARNING, "tls_not_verified", "redis.tls.verify",
			mem_strdup("the certificate of Redis is not verified: another server may "
				   "answer in its place"),
			mem_strdup("Set redis.tls.ca to the authority of the server's certificate, "
				   "and remove redis.tls.verify."));
	if (conf->insecure_http)
		add(diagnosis, FINDING_WARNING, "insecure_http", "insecure_http",
			mem_strdup("tokens may cross the network in clear text"),
			mem_strdup("Listen on loopback addresses or Unix sockets alone, and remove "
				   "insecure_http."));
	if (conf->anonymous.scopes == 0 && !any_token_valid(conf))
		add(diagnosis, FINDING_WARNING, "no_token", "auth.tokens",
			mem_strdup("no token is valid, so nearly all requests are answered 401"),
			mem_strdup("Add a token under auth.tokens."));
	for (const char *line = conf_warnings(conf), *end; *line && (end = strchr(line, '\n'));
		line = end + 1)
		add(diagnosis, FINDING_HINT, "configuration",
			conf->file ? conf->file : "configuration",
			mem_strndup(line, (size_t)(end - line)), mem_strdup("Correct that line."));
}

void diagnosis_make(struct cache *cache, const struct fault *layout, struct diagnosis *ret)
{
	/* A reload may release the configuration while this parks. */
	struct conf *conf = conf_ref(cache->conf);
	struct redis_node *node = redis_store_node(cache->store, SLICE(""));
	struct redis_state state = redis_store_state(cache->store);
	struct sentinel *sentinel = redis_store_sentinel(cache->store);
	bool warms = conf->job_count > 0;
	struct buf acl = {0};

	*ret = (struct diagnosis){.name = mem_strdup(redis_node_name(node)), .latency_ms = -1};
	judge_server(ret, &state);
	if (state.status == REDIS_UP) {
		judge_lacks(ret, node, state.lacks & capabilities_used(warms));
		ask_info(ret, cache);
		measure_latency(ret, cache);
	}
	if (sentinel) {
		sentinel_await(sentinel, clock_deadline(question_ms));
		judge_sentinels(ret, sentinel);
	}
	if (layout && layout->error)
		add(ret, FINDING_WARNING, "key_layout", "cw:meta", mem_strdup(layout->detail),
			mem_strdup("See \"Key layout\" in docs/upgrading.md."));
	judge_configuration(ret, conf);
	redis_node_acl(node, warms, &acl);
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
	mem_free(diagnosis->findings);
	mem_free(diagnosis->name);
	mem_free(diagnosis->version);
	mem_free(diagnosis->mode);
	mem_free(diagnosis->role);
	mem_free(diagnosis->acl);
	*diagnosis = (struct diagnosis){0};
}
