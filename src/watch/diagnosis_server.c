/* SPDX-License-Identifier: MIT */
/* The doctor's look at one server: whether it answers, what it is, how fast; see diagnosis.h. */
#include <stdlib.h>
#include <string.h>

#include "base/fiber.h"
#include "base/mem.h"
#include "redis/info.h"
#include "watch/diagnosis_internal.h"
#include "watch/diagnosis_memory.h"

enum { pings = 15, slow_ms = 10, look_ms = 10 };

static const char *fix_of(enum error error)
{
	switch (error) {
	case ERR_REDIS_AUTH:
		return "Set redis.username, and redis.password_file or redis.password_command, to "
		       "a "
		       "user of that server.";
	case ERR_REDIS_LOADING:
		return "Wait until the server has loaded its data.";
	case ERR_REDIS_BUSY:
		return "Wait for the script that runs, or end it with SCRIPT KILL.";
	case ERR_NOT_PRIMARY:
		return "Set redis.url to the primary.";
	case ERR_CLUSTER_NODE:
		return "Set redis.url to redis+cluster://HOST:PORT.";
	default:
		return "Check redis.url, whether the server runs there, and what is in between.";
	}
}

void diagnosis_add_fault(struct diagnosis *diagnosis, enum finding_severity severity,
	const char *subject, const struct fault *fault)
{
	enum error error = fault->error ? fault->error : ERR_REDIS_UNAVAILABLE;
	struct fault whole = *fault;

	fault_disclose(&whole);
	diagnosis_add(diagnosis, severity, error_code(error), subject,
		mem_strdup(*whole.detail ? whole.detail : error_title(error)),
		mem_strdup(fix_of(error)));
}

static void judge_state(
	struct diagnosis *diagnosis, const char *name, const struct redis_state *state)
{
	bool passes = state->status == REDIS_IS_LOADING || state->status == REDIS_IS_BUSY;

	if (state->status != REDIS_UP)
		diagnosis_add_fault(diagnosis, passes ? FINDING_WARNING : FINDING_ERROR, name,
			&state->last_error);
	else if (state->unfit.error)
		diagnosis_add_fault(diagnosis, FINDING_ERROR, name, &state->unfit);
}

/* Whether a version such as 7.0.15 comes before this one. */
static bool older(const char *version, long major, long minor)
{
	char *end;
	long is_major = strtol(version, &end, 10);
	long is_minor = *end == '.' ? strtol(end + 1, NULL, 10) : 0;

	return is_major < major || (is_major == major && is_minor < minor);
}

static void judge_version(
	struct diagnosis *diagnosis, const char *name, const struct redis_info *info)
{
	bool old = *info->version &&
		   (info->valkey ? older(info->version, 7, 2) : older(info->version, 6, 0));

	if (old)
		diagnosis_add(diagnosis, FINDING_WARNING, "version", name,
			mem_printf("the server is %s %s; Redis 6.0 and Valkey 7.2 are the oldest "
				   "that are supported",
				info->valkey ? "Valkey" : "Redis", info->version),
			mem_strdup("Upgrade the server."));
}

static void judge_no_limit(
	struct diagnosis *diagnosis, const char *subject, const struct redis_info *info)
{
	const char *policy = diagnosis_memory_policy(info);
	struct buf fix = {0}, why = {0};
	int64_t mib = diagnosis_memory_limit(info, diagnosis->neighbours, &why);

	diagnosis_memory_commands(mib, strcmp(policy, info->policy) ? policy : NULL, &fix);
	buf_printf(&fix, " %lldmb is %s.", (long long)mib, why.p);
	diagnosis_memory_why(info, &fix);
	buf_str(&fix, " If something else limits the server, set redis.memory_limit to that.");
	diagnosis_add(diagnosis, FINDING_HINT, "memory_unlimited", subject,
		mem_strdup("maxmemory is 0: nothing limits the memory of Redis"),
		buf_steal(&fix, NULL));
	buf_release(&why);
}

/* Above 80 %, and nothing, or not enough, can be evicted. */
static void judge_full(
	struct diagnosis *diagnosis, const char *subject, const struct redis_info *info)
{
	struct buf fix = {0}, why = {0};
	int64_t mib = diagnosis_memory_limit(info, diagnosis->neighbours, &why);
	bool refused = info->max_memory > 0 && info->used_memory >= info->max_memory;

	diagnosis_memory_commands(0, diagnosis_memory_policy(info), &fix);
	if (mib * 1024 * 1024 > info->max_memory)
		buf_printf(&fix, " Or raise the limit: CONFIG SET maxmemory %lldmb, which is %s.",
			(long long)mib, why.p);
	diagnosis_memory_why(info, &fix);
	diagnosis_add(diagnosis, FINDING_WARNING, "memory_policy", subject,
		mem_printf("memory is above %d %% and the policy is %s: writes %s refused",
			refused ? 100 : 80, info->policy, refused ? "are" : "will be"),
		buf_steal(&fix, NULL));
	buf_release(&why);
}

static void judge_policy(struct diagnosis *diagnosis, const struct conf *conf, const char *subject,
	const struct redis_info *info)
{
	const char *policy = diagnosis_memory_policy(info);
	bool all = strncmp(info->policy, "allkeys-", 8) == 0;
	struct buf fix = {0};

	if (conf->redis.kind == REDIS_URL_MANAGED)
		buf_printf(&fix, "Set redis.managed.policy to %s, and restart.", policy);
	else
		diagnosis_memory_commands(0, policy, &fix);
	diagnosis_memory_why(info, &fix);
	diagnosis_add(diagnosis, FINDING_HINT, "memory_policy", subject,
		mem_printf(all ? "the policy %s can evict cachewarden's own keys before values"
			       : "the policy %s cannot evict most keys: when memory is full, it "
				 "evicts the few that expire, and then writes are refused",
			info->policy),
		buf_steal(&fix, NULL));
}

/* `name`: of the server where there are several, else NULL. */
static void judge_memory(struct diagnosis *diagnosis, const struct conf *conf, const char *name,
	const struct redis_info *info)
{
	const char *limit_subject = name ? name : "maxmemory";
	const char *policy_subject = name ? name : "maxmemory-policy";
	int64_t limit = info->max_memory > 0 ? info->max_memory : conf->redis.memory_limit;
	bool full = (double)info->used_memory > 0.8 * (double)limit;
	bool evicts = strcmp(info->policy, "noeviction") != 0;

	/* Without a limit its fix has the policy, too. */
	if (limit == 0 && info->max_memory == 0)
		judge_no_limit(diagnosis, limit_subject, info);
	else if (limit > 0 && full && !evicts)
		judge_full(diagnosis, policy_subject, info);
	else if (evicts && strcmp(diagnosis_memory_policy(info), info->policy) != 0)
		judge_policy(diagnosis, conf, policy_subject, info);
}

/* A command without arguments; NULL if there is no good reply in time. Parks. */
static struct redis_value *ask(
	const struct diagnosis *diagnosis, struct redis_node *node, struct slice command)
{
	struct redis_batch *batch = redis_batch_new();
	struct redis_value *reply = NULL;
	int64_t deadline = clock_deadline(DIAGNOSIS_QUESTION_MS);

	if (deadline > diagnosis->deadline)
		deadline = diagnosis->deadline;
	redis_batch_add(batch, 1, &command);
	if (redis_node_run(node, REDIS_COMMANDS, batch, deadline, NULL) == OK &&
		redis_value_error(redis_batch_reply(batch, 0), NULL) == OK)
		reply = redis_batch_take(batch, 0);
	redis_batch_free(batch);
	return reply;
}

static void ask_info(struct diagnosis *diagnosis, struct redis_node *node, const struct conf *conf,
	struct diagnosis_server *server)
{
	struct redis_value *reply = ask(diagnosis, node, SLICE("INFO"));
	struct redis_info info;

	if (!reply)
		return;
	redis_info_parse(reply->text, conf->redis.database, &info);
	if (*info.version)
		server->version =
			mem_printf("%s %s", info.valkey ? "Valkey" : "Redis", info.version);
	if (*info.mode)
		server->mode = mem_strdup(info.mode);
	if (*info.role)
		server->role = mem_strdup(info.role);
	judge_version(diagnosis, server->name, &info);
	judge_memory(diagnosis, conf, diagnosis->several ? server->name : NULL, &info);
	redis_info_release(&info);
	redis_value_free(reply);
}

static int compare_times(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void measure_latency(
	struct diagnosis *diagnosis, struct redis_node *node, struct diagnosis_server *server)
{
	const size_t middle = pings / 2;
	int64_t took_ns[pings];

	for (int i = 0; i < pings; i++) {
		int64_t began = clock_mono_ns();
		struct redis_value *reply = ask(diagnosis, node, SLICE("PING"));

		if (!reply)
			return;
		redis_value_free(reply);
		took_ns[i] = clock_mono_ns() - began;
	}
	qsort(took_ns, pings, sizeof *took_ns, compare_times);
	server->latency_ms = (double)took_ns[middle] / 1e6;
	if (server->latency_ms > slow_ms)
		diagnosis_add(diagnosis, FINDING_WARNING, "latency", server->name,
			mem_printf("half of %d PINGs took more than %.1f ms", pings,
				server->latency_ms),
			mem_strdup("Run cachewarden near its Redis; look at SLOWLOG GET and "
				   "LATENCY DOCTOR there."));
}

/* A server that was not reached yet may be about to answer. */
static void await_answer(const struct redis_node *node, int64_t deadline)
{
	while (!redis_node_serves(node) && !redis_node_is_away(node) &&
		redis_node_state(node).status == REDIS_DOWN && clock_mono_ms() < deadline)
		if (fiber_sleep(look_ms) != OK)
			return;
}

void diagnosis_server(struct diagnosis *diagnosis, struct redis_node *node, const struct conf *conf)
{
	struct diagnosis_server *server = &diagnosis->servers[diagnosis->server_count++];
	int64_t patience = clock_deadline(conf->redis.connect_timeout_ms);

	await_answer(node, patience < diagnosis->deadline ? patience : diagnosis->deadline);
	struct redis_state state = redis_node_state(node);

	*server = (struct diagnosis_server){
		.name = mem_strdup(redis_node_name(node)), .latency_ms = -1};
	judge_state(diagnosis, server->name, &state);
	if (state.status != REDIS_UP)
		return;
	diagnosis->serving++;
	ask_info(diagnosis, node, conf, server);
	measure_latency(diagnosis, node, server);
}
