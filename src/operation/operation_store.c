/* SPDX-License-Identifier: MIT */
/*
 * Operations in Redis: writes those of this process, finds and cancels those of any.
 *
 *	cw:op:<id>             the record, 7 days
 *	cw:ops                 ZSET: id by the time of the start, the newest 10,000
 *	cw:daemon:<instance>   exists while that process has operations
 *	cw:op:<id>:cancel      cancellation by another daemon; its process looks once a second
 */
#include <string.h>

#include "base/mem.h"
#include "operation/operation_internal.h"
#include "text/json.h"

#define RECORD_MS "604800000"
#define BEAT_MS	  "10000"
#define CANCEL_MS "60000"

enum { beat_every_ms = 1000, begin_ms = 2000 };

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

/* On one server the commands of an operation are sent in their order, without waiting. */
static bool send_off(struct operations *operations, struct redis_batch *batch)
{
	return store_start(operations->cache->store, REDIS_COMMANDS, batch, NULL) == OK;
}

/* The first record on its way over slots. */
struct recording {
	struct operation *operation;
	struct redis_batch *batch;
};

static void record(void *argument)
{
	struct recording *recording = argument;
	struct operation *operation = recording->operation;
	struct operations *owner = operation->owner;

	fiber_cleanup_begin(begin_ms);
	store_run(owner->cache->store, REDIS_COMMANDS, recording->batch, clock_deadline(begin_ms),
		NULL);
	fiber_cleanup_end();
	operation->recording = false;
	fiber_cond_broadcast(&owner->recorded);
	operation_unref(operation);
	redis_batch_free(recording->batch);
	mem_free(recording);
}

static void record_in_fiber(struct operation *operation, struct redis_batch *batch)
{
	struct recording *recording = mem_new(struct recording);

	*recording = (struct recording){operation_ref(operation), batch};
	operation->recording = true;
	fiber_spawn(&operation->owner->group, "operation record", record, recording);
}

void operation_store_begin(struct operation *operation)
{
	struct operations *owner = operation->owner;
	struct redis_batch *batch = redis_batch_new();
	struct buf text = {0};

	if (clock_mono_ms() - beat_every_ms >= owner->beat_mono_ms)
		operation_store_beat(owner, batch);
	operation_record_write(operation, &text);
	operation_store_record(owner, batch, operation->id, buf_slice(&text));
	operation_store_listing(owner, batch, operation->id);
	buf_release(&text);
	if (!store_is_one(owner->cache->store)) {
		record_in_fiber(operation, batch);
		return;
	}
	send_off(owner, batch);
	/* Its replies are dropped. */
	redis_batch_free(batch);
}

struct redis_batch *operation_store_prepare(struct operation *operation, struct slice text)
{
	struct redis_batch *batch = redis_batch_new();

	operation_store_record(operation->owner, batch, operation->id, text);
	/* Again: Redis may have been down at the start. */
	operation_store_listing(operation->owner, batch, operation->id);
	/* Over slots operation_store_finish() sends it. */
	if (!store_is_one(operation->owner->cache->store) || send_off(operation->owner, batch))
		return batch;
	redis_batch_free(batch);
	return NULL;
}

enum error operation_store_finish(
	struct operation *operation, struct redis_batch *batch, int64_t deadline)
{
	struct operations *owner = operation->owner;
	enum error error = OK;

	if (store_is_one(owner->cache->store))
		return redis_batch_wait(batch, deadline, NULL);
	/* An earlier record that is on its way must not come later than this one. */
	while (!error && (operation->recording || owner->beating))
		error = fiber_cond_wait(&owner->recorded, "an earlier record", deadline);
	return error ? error
		     : store_run(owner->cache->store, REDIS_COMMANDS, batch, deadline, NULL);
}

/* Whether the process with this instance still lives; true if Redis cannot tell. Parks. */
static bool instance_alive(struct operations *operations, struct slice instance)
{
	struct redis_value *reply = NULL;
	struct buf key = {0};
	bool alive = true;

	/* An operation of this process that has not ended would have been found in memory. */
	if (slice_is(instance, operations->cache->instance))
		return false;
	cache_own_key(operations->cache, "daemon:", instance, &key);
	if (store_command(operations->cache->store, buf_slice(&key), &reply, NULL, SLICE("EXISTS"),
		    buf_slice(&key)) == OK)
		alive = reply->integer > 0;
	redis_value_free(reply);
	buf_release(&key);
	return alive;
}

bool operation_store_view(
	struct operations *operations, struct slice text, struct operation_view *ret)
{
	if (!operation_record_read(text, ret))
		return false;
	if (!operation_state_ended(ret->state) && ret->instance &&
		!instance_alive(operations, slice_str(ret->instance)))
		ret->state = OPERATION_INTERRUPTED;
	return true;
}

bool operation_store_own(struct operations *operations, struct slice id, struct operation_view *ret)
{
	struct operation *active = operation_find_active(operations, id);
	struct operation_past *past = active ? NULL : operation_past_find(operations, id);

	if (active)
		operation_view(active, ret);
	return active || (past && operation_record_read(slice_of(past->text, past->n), ret));
}

static bool id_shaped(struct slice id)
{
	return id.n == OPERATION_ID_BYTES && strspn(id.p, "0123456789abcdef") >= OPERATION_ID_BYTES;
}

static enum error unknown(struct slice id, struct fault *fault)
{
	return fault_set(fault, ERR_UNKNOWN_OPERATION,
		"there is no operation '%.*s', or it started more than 7 days ago",
		(int)(id.n < 64 ? id.n : 64), id.p);
}

static enum error find_stored(struct operations *operations, struct slice id,
	struct operation_view *ret, struct fault *fault)
{
	struct redis_value *reply = NULL;
	struct buf key = {0};

	cache_own_key(operations->cache, "op:", id, &key);
	enum error error = store_command(operations->cache->store, buf_slice(&key), &reply, fault,
		SLICE("GET"), buf_slice(&key));
	buf_release(&key);
	if (!error && (reply->type != REDIS_STRING ||
			      !operation_store_view(operations, reply->text, ret)))
		error = unknown(id, fault);
	redis_value_free(reply);
	return error;
}

enum error operations_find(struct operations *operations, struct slice id,
	struct operation_view *ret, struct fault *fault)
{
	if (!id_shaped(id))
		return unknown(id, fault);
	return operation_store_own(operations, id, ret) ? OK
							: find_stored(operations, id, ret, fault);
}

static bool may_cancel(const struct identity *who, const char *by)
{
	return scope_granted(who, SCOPE_OPERATE) || (by && strcmp(by, who->name) == 0);
}

static enum error ask_to_cancel(struct operations *operations, struct slice id, struct fault *fault)
{
	struct buf key = {0};

	cache_own_key(operations->cache, "op:", id, &key);
	buf_str(&key, ":cancel");
	enum error error = store_command(operations->cache->store, buf_slice(&key), NULL, fault,
		SLICE("SET"), buf_slice(&key), SLICE("1"), SLICE("PX"), SLICE(CANCEL_MS));
	buf_release(&key);
	return error;
}

/* Whether `who` may cancel it, and it has not ended. */
static enum error check_cancel(
	const struct operation_view *view, const struct identity *who, struct fault *fault)
{
	if (!may_cancel(who, view->by))
		return fault_set(fault, ERR_FORBIDDEN,
			"only the token that started the operation, or one with scope operate, may "
			"cancel it");
	if (operation_state_ended(view->state))
		return fault_set(fault, ERR_CONFLICT, "the operation has ended: it is %s",
			operation_state_name(view->state));
	return OK;
}

enum error operations_cancel(struct operations *operations, struct slice id,
	const struct identity *who, struct operation_view *ret, struct fault *fault)
{
	enum error error = operations_find(operations, id, ret, fault);

	if (error)
		return error;
	error = check_cancel(ret, who, fault);
	if (!error && ret->operation)
		operation_cancel(ret->operation);
	else if (!error)
		error = ask_to_cancel(operations, id, fault);
	if (error)
		operation_view_release(ret);
	return error;
}
