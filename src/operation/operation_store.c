/* SPDX-License-Identifier: MIT */
/*
 * Operations in Redis: what this process writes about its own, and what it says of any.
 *
 *	cw:op:<id>             the record, 7 days
 *	cw:ops                 ZSET: id by the time of its beginning, the newest 10,000
 *	cw:daemon:<instance>   there while that process works
 *	cw:op:<id>:cancel      somebody wants it cancelled; its owner looks once a second
 */
#include <string.h>

#include "operation/operation_internal.h"
#include "text/json.h"

#define RECORD_MS "604800000"
#define BEAT_MS	  "10000"
#define CANCEL_MS "60000"

enum { beat_every_ms = 1000 };

void operation_store_record(
	struct operations *operations, struct redis_batch *batch, const char *id, struct slice text)
{
	struct buf key = {0};

	cache_own_key(operations->cache, "op:", slice_str(id), &key);
	REDIS_ADD(batch, SLICE("SET"), buf_slice(&key), text, SLICE("PX"), SLICE(RECORD_MS));
	buf_release(&key);
}

void operation_store_beat(struct operations *operations, struct redis_batch *batch)
{
	struct buf key = {0};

	cache_own_key(operations->cache, "daemon:", slice_str(operations->cache->instance), &key);
	REDIS_ADD(batch, SLICE("SET"), buf_slice(&key), SLICE("1"), SLICE("PX"), SLICE(BEAT_MS));
	buf_release(&key);
	operations->beat_mono_ms = clock_mono_ms();
}

void operation_store_listing(
	struct operations *operations, struct redis_batch *batch, const char *id)
{
	struct buf key = {0}, score = {0};

	cache_own_key(operations->cache, "ops", slice_of("", 0), &key);
	buf_int(&score, operation_id_wall_ms(id));
	REDIS_ADD(batch, SLICE("ZADD"), buf_slice(&key), buf_slice(&score), slice_str(id));
	buf_release(&key);
	buf_release(&score);
}

static struct redis_node *home(struct operations *operations)
{
	return redis_store_node(operations->cache->store, slice_of("", 0));
}

/* A freed batch drops its replies: nobody waits for these. */
void operation_store_begin(struct operation *operation)
{
	struct operations *owner = operation->owner;
	struct redis_batch *batch = redis_batch_new();
	struct buf text = {0};

	if (clock_mono_ms() - beat_every_ms >= owner->beat_mono_ms)
		operation_store_beat(owner, batch);
	operation_record(operation, &text);
	operation_store_record(owner, batch, operation->id, buf_slice(&text));
	operation_store_listing(owner, batch, operation->id);
	redis_node_start(home(owner), REDIS_COMMANDS, batch, NULL);
	redis_batch_free(batch);
	buf_release(&text);
}

struct redis_batch *operation_store_end(struct operation *operation, struct slice text)
{
	struct redis_batch *batch = redis_batch_new();

	operation_store_record(operation->owner, batch, operation->id, text);
	/* Again, for Redis may not have been there at the beginning. */
	operation_store_listing(operation->owner, batch, operation->id);
	if (redis_node_start(home(operation->owner), REDIS_COMMANDS, batch, NULL) == OK)
		return batch;
	redis_batch_free(batch);
	return NULL;
}

/* Whether the process that wrote an unfinished record still shows signs of life. Parks. */
static bool instance_alive(struct operations *operations, struct slice instance)
{
	struct redis_value *reply = NULL;
	struct buf key = {0};
	bool alive = true;

	/* Ours would be among the active. */
	if (slice_is(instance, operations->cache->instance))
		return false;
	cache_own_key(operations->cache, "daemon:", instance, &key);
	if (redis_store_command(operations->cache->store, buf_slice(&key), &reply, NULL,
		    SLICE("EXISTS"), buf_slice(&key)) == OK)
		alive = reply->integer > 0;
	redis_value_free(reply);
	buf_release(&key);
	return alive;
}

cJSON *record_view(struct operations *operations, struct slice text)
{
	cJSON *record = record_parse(text);

	if (!record)
		return NULL;
	struct slice instance = record_unfinished_instance(record);
	bool alive = instance.n == 0 || instance_alive(operations, instance);

	record_finish(record, alive);
	return record;
}

static bool id_shaped(struct slice id)
{
	return id.n == OPERATION_ID_BYTES && strspn(id.p, "0123456789abcdef") >= OPERATION_ID_BYTES;
}

static enum error unknown(struct slice id, struct fault *fault)
{
	return fault_set(fault, ERR_UNKNOWN_OPERATION,
		"there is no operation '%.*s', or it began more than 7 days ago",
		(int)(id.n < 64 ? id.n : 64), id.p);
}

static enum error find_stored(
	struct operations *operations, struct slice id, cJSON **ret, struct fault *fault)
{
	struct redis_value *reply = NULL;
	struct buf key = {0};

	cache_own_key(operations->cache, "op:", id, &key);
	enum error error = redis_store_command(operations->cache->store, buf_slice(&key), &reply,
		fault, SLICE("GET"), buf_slice(&key));
	buf_release(&key);
	if (error)
		return error;
	*ret = reply->type == REDIS_STRING ? record_view(operations, reply->text) : NULL;
	redis_value_free(reply);
	return *ret ? OK : unknown(id, fault);
}

enum error operations_find(
	struct operations *operations, struct slice id, cJSON **ret, struct fault *fault)
{
	if (!id_shaped(id))
		return unknown(id, fault);
	struct operation *active = active_find(operations, id);
	if (active) {
		*ret = operation_json(active);
		return OK;
	}
	struct past *past = past_find(operations, id);
	if (past) {
		*ret = record_parse(slice_of(past->text, past->n));
		if (*ret)
			record_finish(*ret, true);
		return *ret ? OK : unknown(id, fault);
	}
	return find_stored(operations, id, ret, fault);
}

static bool may_cancel(const struct identity *who, const char *by)
{
	return identity_may(who, SCOPE_OPERATE) || (by && strcmp(by, who->name) == 0);
}

static enum error ask_to_cancel(struct operations *operations, struct slice id, struct fault *fault)
{
	struct buf key = {0};

	cache_own_key(operations->cache, "op:", id, &key);
	buf_str(&key, ":cancel");
	enum error error = redis_store_command(operations->cache->store, buf_slice(&key), NULL,
		fault, SLICE("SET"), buf_slice(&key), SLICE("1"), SLICE("PX"), SLICE(CANCEL_MS));
	buf_release(&key);
	return error;
}

/* Whether `record` is of one that can be cancelled, and by `who`. */
static enum error judge_cancel(const cJSON *record, const struct identity *who, struct fault *fault)
{
	const char *by = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(record, "by"));
	const char *state = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(record, "state"));

	if (!may_cancel(who, by))
		return fault_set(fault, ERR_FORBIDDEN,
			"only who began it, or a token with scope operate, may cancel it");
	if (!slice_is(slice_str(state), "queued") && !slice_is(slice_str(state), "running"))
		return fault_set(fault, ERR_CONFLICT, "the operation has ended: it is %s",
			state ? state : "unknown");
	return OK;
}

enum error operations_cancel(struct operations *operations, struct slice id,
	const struct identity *who, cJSON **ret, struct fault *fault)
{
	cJSON *record = NULL;
	enum error error = operations_find(operations, id, &record, fault);

	if (error)
		return error;
	error = judge_cancel(record, who, fault);
	if (!error) {
		struct operation *active = active_find(operations, id);

		if (active)
			operation_cancel(active);
		else
			error = ask_to_cancel(operations, id, fault);
	}
	if (error)
		cJSON_Delete(record);
	else
		*ret = record;
	return error;
}
