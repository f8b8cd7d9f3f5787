/* SPDX-License-Identifier: MIT */
/* What the servers are before and after a scan; see scan.h. */
#include <string.h>

#include "base/mem.h"
#include "cache/scan_internal.h"
#include "redis/info.h"
#include "store/survey.h"

enum { sections = 3 };

/* INFO takes several sections at once only since Redis 7. */
static void add_commands(struct redis_batch *batch, bool cluster)
{
	REDIS_ADD(batch, SLICE("INFO"), SLICE("server"));
	REDIS_ADD(batch, SLICE("INFO"), SLICE("replication"));
	REDIS_ADD(batch, SLICE("INFO"), SLICE("commandstats"));
	REDIS_ADD(batch, SLICE("DBSIZE"));
	if (cluster)
		REDIS_ADD(batch, SLICE("CLUSTER"), SLICE("NODES"));
}

static void read_info(struct slice text, struct scan_server *ret)
{
	struct redis_info info;

	redis_info_parse(text, 0, &info);
	memcpy(ret->run_id, info.run_id, sizeof ret->run_id);
	memcpy(ret->role, info.role, sizeof ret->role);
	memcpy(ret->master_replid, info.master_replid, sizeof ret->master_replid);
	ret->flush_calls = info.flush_calls;
	redis_info_release(&info);
}

static enum error read_server(
	const struct redis_batch *batch, struct scan_server *ret, struct fault *fault)
{
	struct buf text = {0};
	enum error error = OK;

	for (size_t i = 0; i < redis_batch_count(batch) && !error; i++) {
		const struct redis_value *reply = redis_batch_reply(batch, i);

		error = redis_value_error(reply, fault);
		if (error)
			break;
		if (i < sections)
			buf_add(&text, reply->text);
		else if (i == sections)
			ret->keys = (uint64_t)reply->integer;
		else
			error = slot_claim_parse(
				reply->text, ret->claim = mem_new(struct slot_claim), fault);
	}
	if (!error)
		read_info(buf_slice(&text), ret);
	buf_release(&text);
	return error;
}

/* The servers' claims as one map; the greater epoch wins. */
static void take_claims(struct scan_snapshot *s)
{
	for (unsigned slot = 0; slot < SLOT_COUNT; slot++) {
		s->owners[slot] = SCAN_NO_SERVER;
		for (size_t i = 0; i < s->count; i++) {
			const struct slot_claim *claim = s->servers[i].claim;
			uint16_t *owner = &s->owners[slot];

			if (!s->servers[i].reached || !claim->primary ||
				!slot_set_has(&claim->owned, slot))
				continue;
			if (*owner != SCAN_NO_SERVER)
				slot_set_add(&s->disputed, slot);
			if (*owner == SCAN_NO_SERVER ||
				claim->epoch > s->servers[*owner].claim->epoch)
				*owner = (uint16_t)i;
		}
	}
}

/* Of a cluster some servers may be away. */
static bool may_be_away(const struct scan_snapshot *s, enum error error)
{
	enum error_redis kind = error_redis(error);

	return s->cluster && (kind == ERROR_REDIS_NO_ANSWER || kind == ERROR_REDIS_NOT_SERVING);
}

/* Judges what one server answered. */
static void take_answer(
	struct scan_snapshot *s, size_t i, const struct survey_answer *answer, struct fault *worst)
{
	struct fault fault = answer->fault;

	if (!fault.error)
		fault.error = read_server(answer->batch, &s->servers[i], &fault);
	s->servers[i].reached = !fault.error;
	/* What is not an absence says most. */
	if (fault.error && (!worst->error || may_be_away(s, worst->error)))
		*worst = fault;
}

/* Asks all of them in parallel. Parks. */
static enum error ask_servers(struct cache *cache, struct scan_snapshot *s, struct fault *fault)
{
	struct fault worst = {0};
	struct survey survey;
	bool any = false;

	survey_init(&survey, cache->store);
	for (size_t i = 0; i < survey.count; i++)
		add_commands(survey.answers[i].batch, s->cluster);
	survey_run(&survey, REDIS_COMMANDS, cache_deadline(cache));
	s->count = survey.count;
	s->servers = mem_zalloc(s->count * sizeof *s->servers);
	for (size_t i = 0; i < s->count; i++) {
		s->servers[i].node = redis_node_ref(survey.answers[i].node);
		take_answer(s, i, &survey.answers[i], &worst);
		any = any || s->servers[i].reached;
	}
	survey_release(&survey);
	if (!worst.error || (any && may_be_away(s, worst.error)))
		return OK;
	if (fault)
		*fault = worst;
	return worst.error;
}

enum error scan_snapshot_take(struct cache *cache, struct scan_snapshot **ret, struct fault *fault)
{
	struct scan_snapshot *s = mem_new(struct scan_snapshot);

	s->cluster = !store_is_one(cache->store);
	enum error error = ask_servers(cache, s, fault);

	if (error) {
		scan_snapshot_free(s);
		return error;
	}
	if (s->cluster)
		take_claims(s);
	*ret = s;
	return OK;
}

void scan_snapshot_free(struct scan_snapshot *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->count; i++) {
		redis_node_unref(s->servers[i].node);
		mem_free(s->servers[i].claim);
	}
	mem_free(s->servers);
	mem_free(s);
}

static bool same_server(const struct scan_server *x, const struct scan_server *y)
{
	return x->reached && y->reached && strcmp(x->run_id, y->run_id) == 0 &&
	       strcmp(x->role, y->role) == 0 && strcmp(x->master_replid, y->master_replid) == 0 &&
	       x->flush_calls == y->flush_calls;
}

/* The server of the other snapshot that is the same; NULL if there is none. */
static const struct scan_server *find_same(
	const struct scan_server *server, const struct scan_snapshot *other)
{
	for (size_t i = 0; i < other->count; i++)
		if (same_server(server, &other->servers[i]))
			return &other->servers[i];
	return NULL;
}

bool scan_snapshot_equal(const struct scan_snapshot *a, const struct scan_snapshot *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (!find_same(&a->servers[i], b))
			return false;
	return true;
}

uint64_t scan_snapshot_keys(const struct scan_snapshot *s)
{
	uint64_t keys = 0;

	for (size_t i = 0; i < s->count; i++)
		keys += s->servers[i].keys;
	return keys;
}

size_t scan_snapshot_servers(const struct scan_snapshot *s)
{
	return s->count;
}

int64_t scan_snapshot_away_ms(const struct scan_snapshot *s)
{
	int64_t least = INT64_MAX;

	for (size_t i = 0; i < s->count; i++) {
		struct redis_state state = redis_node_state(s->servers[i].node);
		int64_t age = clock_wall_ms() - state.since_wall_ms;

		if (s->servers[i].reached)
			continue;
		age = state.status == REDIS_UP || age < 0 ? 0 : age;
		least = age < least ? age : least;
	}
	return least == INT64_MAX ? 0 : least;
}

void scan_snapshot_away(const struct scan_snapshot *s, struct name_list *ret)
{
	for (size_t i = 0; i < s->count; i++)
		if (!s->servers[i].reached)
			name_list_add(ret, slice_str(redis_node_name(s->servers[i].node)));
}

/* Of each server its index in the other snapshot, if it is the same and took over no slots. */
static uint16_t *find_twins(const struct scan_snapshot *from, const struct scan_snapshot *to)
{
	uint16_t *twins = mem_array(from->count, sizeof *twins);

	for (size_t i = 0; i < from->count; i++) {
		const struct scan_server *twin = find_same(&from->servers[i], to);

		twins[i] = twin && twin->claim->epoch == from->servers[i].claim->epoch
				   ? (uint16_t)(twin - to->servers)
				   : SCAN_NO_SERVER;
	}
	return twins;
}

/* The server that receives the slot's keys. */
static uint16_t importer_of(const struct scan_snapshot *s, unsigned slot)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->servers[i].reached && slot_set_has(&s->servers[i].claim->importing, slot))
			return (uint16_t)i;
	return SCAN_NO_SERVER;
}

static bool migrates(const struct scan_snapshot *s, unsigned slot)
{
	return slot_set_has(&s->servers[s->owners[slot]].claim->migrating, slot);
}

static bool same_slot(const struct scan_snapshot *before, const struct scan_snapshot *after,
	const uint16_t *twins, unsigned slot)
{
	uint16_t was = before->owners[slot], is = after->owners[slot];

	if (was == SCAN_NO_SERVER || is == SCAN_NO_SERVER || twins[was] != is ||
		slot_set_has(&before->disputed, slot) || slot_set_has(&after->disputed, slot))
		return false;
	if (!migrates(before, slot) && !migrates(after, slot))
		return true;
	uint16_t from = importer_of(before, slot);

	return migrates(before, slot) && migrates(after, slot) && from != SCAN_NO_SERVER &&
	       twins[from] != SCAN_NO_SERVER && twins[from] == importer_of(after, slot);
}

void scan_snapshot_changed(const struct scan_snapshot *before, const struct scan_snapshot *after,
	const struct slot_set *among, struct slot_set *ret)
{
	uint16_t *twins = find_twins(before, after);

	for (unsigned slot = 0; slot < SLOT_COUNT; slot++)
		if (slot_set_has(among, slot) && !same_slot(before, after, twins, slot))
			slot_set_add(ret, slot);
	mem_free(twins);
}
