/* SPDX-License-Identifier: MIT */
/* Operations of this process; see operation.h. Their records: operation_store.c. */
#include "operation/operation.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "base/mem.h"
#include "operation/operation_internal.h"

enum { default_timeout_ms = 30 * 60 * 1000, record_ms = 2000 };

struct operations *operations_new(struct cache *cache)
{
	struct operations *operations = mem_new(struct operations);

	operations->cache = cache;
	operations->beat_mono_ms = INT64_MIN;
	fiber_group_init(&operations->group, "operations", cache->loop);
	return operations;
}

void operations_free(struct operations *operations)
{
	if (!operations)
		return;
	assert(!operations->active && operations->group.count == 0);
	operation_past_free_all(operations);
	mem_free(operations);
}

static struct kind_count *kind_count(struct operations *operations, const char *kind)
{
	size_t i = 0;

	while (operations->kinds[i].kind && strcmp(operations->kinds[i].kind, kind) != 0)
		i++;
	assert(i < operation_kinds_max - 1);
	operations->kinds[i].kind = kind;
	return &operations->kinds[i];
}

/* The one place where a state changes: counts and metrics follow it. */
static void set_state(struct operation *operation, enum operation_state state, bool fresh)
{
	struct operations *owner = operation->owner;
	struct kind_count *count = kind_count(owner, operation->kind->name);

	if (!fresh && operation->state == OPERATION_QUEUED)
		count->queued--;
	if (!fresh && operation->state == OPERATION_RUNNING)
		count->running--;
	count->queued += state == OPERATION_QUEUED;
	count->running += state == OPERATION_RUNNING;
	if (!fresh)
		log_debug_as(owner->cache->log, operation->id, "operation: %s, was %s",
			operation_state_name(state), operation_state_name(operation->state));
	operation->state = state;
	if (!owner->cache->metrics)
		return;
	metric_set(owner->cache->metrics, METRIC_OPERATIONS, operation->kind->name, "queued",
		(double)count->queued);
	metric_set(owner->cache->metrics, METRIC_OPERATIONS, operation->kind->name, "running",
		(double)count->running);
}

/* 48 bits of time, 32 random bits. */
static void make_id(int64_t wall_ms, char id[OPERATION_ID_BYTES + 1])
{
	uint32_t chance;

	crypto_random(&chance, sizeof chance);
	snprintf(id, OPERATION_ID_BYTES + 1, "%012" PRIx64 "%08" PRIx32,
		(uint64_t)wall_ms & UINT64_C(0xffffffffffff), chance);
}

int64_t operation_id_wall_ms(const char *id)
{
	char time[13];

	memcpy(time, id, 12);
	time[12] = '\0';
	return (int64_t)strtoull(time, NULL, 16);
}

static void unlink_active(struct operation *operation)
{
	struct operations *owner = operation->owner;

	if (operation->prev)
		operation->prev->next = operation->next;
	else
		owner->active = operation->next;
	if (operation->next)
		operation->next->prev = operation->prev;
	owner->active_count--;
}

struct operation *operation_find_active(struct operations *operations, struct slice id)
{
	for (struct operation *at = operations->active; at; at = at->next)
		if (slice_is(id, at->id))
			return at;
	return NULL;
}

/* Waits for the reply to the last record: if it failed, the keeper writes it again. */
static void await_record(struct operation *operation, struct redis_batch *batch)
{
	struct operations *owner = operation->owner;

	if (!batch)
		return;
	fiber_cleanup_begin(record_ms);
	enum error error = operation_store_finish(operation, batch, clock_deadline(record_ms));
	if (!error)
		error = redis_value_error(redis_batch_reply(batch, 0), NULL);
	fiber_cleanup_end();
	struct operation_past *past = operation_past_find(owner, slice_str(operation->id));
	if (past && !error)
		past->unsaved = false;
	redis_batch_free(batch);
}

static void end(struct operation *operation, enum operation_state state)
{
	struct operations *owner = operation->owner;
	struct buf text = {0};

	if (operation->timed_out && state == OPERATION_CANCELLED) {
		state = OPERATION_FAILED;
		fault_set(&operation->fault, ERR_TIMEOUT,
			"the operation was stopped after %" PRId64 " s",
			(operation->deadline - operation->started_mono_ms) / 1000);
	}
	operation->finished_wall_ms = clock_wall_ms();
	operation->finished_mono_ms = clock_mono_ms();
	operation->phase = OPERATION_PHASE_ENDED;
	operation->waits.error = OK;
	set_state(operation, state, false);
	unlink_active(operation);
	operation_record_write(operation, &text);
	operation_past_add(owner, operation->id, buf_slice(&text));
	struct redis_batch *batch = operation_store_prepare(operation, buf_slice(&text));
	buf_release(&text);
	event_publish(owner->cache->bus, EVENT_OPERATION, operation);
	fiber_cond_broadcast(&operation->ended);
	await_record(operation, batch);
	operation_keeper_wake(owner);
}

static void operation_fiber(void *argument)
{
	struct operation *operation = argument;

	set_state(operation, OPERATION_RUNNING, false);
	operation_store_begin(operation);
	struct operations *owner = operation->owner;
	enum operation_state state = OPERATION_FAILED;
	if (!owner->guard || owner->guard(owner->guard_context, operation, &operation->fault) == OK)
		state = operation->run(
			operation, operation->context, &operation->result, &operation->fault);
	if (state != OPERATION_FAILED && state != OPERATION_PARTIAL)
		operation->fault = (struct fault){0};
	if (operation->free_context)
		operation->free_context(operation->context);
	operation->context = NULL;
	operation->fiber = NULL;
	end(operation, state);
	operation_unref(operation);
}

static char *copy_or_null(const char *text)
{
	return text && *text ? mem_strdup(text) : NULL;
}

enum error operation_begin(struct operations *operations, const struct operation_spec *spec,
	struct operation **ret, struct fault *fault)
{
	if (operations->stopping) {
		if (spec->free_context)
			spec->free_context(spec->context);
		return fault_set(fault, ERR_STOPPING, "the daemon is stopping; try again later");
	}
	struct operation *operation = mem_new(struct operation);
	*operation = (struct operation){.references = 2,
		.owner = operations,
		.kind = spec->kind,
		.subject = copy_or_null(spec->subject),
		.by = mem_strdup(spec->by),
		.note = copy_or_null(spec->note),
		.run = spec->run,
		.sweeps = spec->sweeps,
		.dry_run = spec->dry_run,
		.context = spec->context,
		.free_context = spec->free_context,
		.phase = OPERATION_PHASE_QUEUED,
		.started_wall_ms = clock_wall_ms(),
		.finished_wall_ms = -1,
		.started_mono_ms = clock_mono_ms(),
		.deadline =
			clock_deadline(spec->timeout_ms ? spec->timeout_ms : default_timeout_ms)};
	make_id(operation->started_wall_ms, operation->id);
	struct slice trace = trace_id(fiber_trace());
	memcpy(operation->trace_id, trace.p, trace.n);
	snprintf(operation->cause, sizeof operation->cause, "%s", fiber_id());
	operation->next = operations->active;
	if (operations->active)
		operations->active->prev = operation;
	operations->active = operation;
	operations->active_count++;
	set_state(operation, OPERATION_QUEUED, true);
	operation->fiber = fiber_spawn(&operations->group, "operation", operation_fiber, operation);
	fiber_set_id(operation->fiber, operation->id);
	/* This line links the id of the request with the id of the operation. */
	log_debug(operations->cache->log, "starts the operation %s: %s%s%s", operation->id,
		operation->kind->name, operation->subject ? " " : "",
		operation->subject ? operation->subject : "");
	event_publish(operations->cache->bus, EVENT_OPERATION_PROGRESS, operation);
	operation_keeper_wake(operations);
	*ret = operation;
	return OK;
}

struct operation *operation_ref(struct operation *operation)
{
	operation->references++;
	return operation;
}

void operation_unref(struct operation *operation)
{
	if (!operation || --operation->references)
		return;
	if (operation->result)
		operation->kind->free(operation->result);
	mem_free(operation->subject);
	mem_free(operation->by);
	mem_free(operation->note);
	mem_free(operation);
}

const char *operation_id(const struct operation *operation)
{
	return operation->id;
}

void operations_set_guard(struct operations *operations, operation_guard *guard, void *context)
{
	operations->guard = guard;
	operations->guard_context = context;
}

bool operation_sweeps(const struct operation *operation)
{
	return operation->sweeps;
}

const char *operation_cause(const struct operation *operation)
{
	return operation->cause;
}

const char *operation_kind_name(const struct operation *operation)
{
	return operation->kind->name;
}

enum operation_state operation_state(const struct operation *operation)
{
	return operation->state;
}

const struct fault *operation_error(const struct operation *operation)
{
	return &operation->fault;
}

const void *operation_result(const struct operation *operation)
{
	return operation_ended(operation) ? operation->result : NULL;
}

bool operation_timed_out(const struct operation *operation)
{
	return operation->timed_out;
}

bool operation_state_ended(enum operation_state state)
{
	return state != OPERATION_QUEUED && state != OPERATION_RUNNING;
}

bool operation_ended(const struct operation *operation)
{
	return operation_state_ended(operation->state);
}

void operation_progress(
	struct operation *operation, enum operation_phase phase, uint64_t done, uint64_t total)
{
	enum operation_state state =
		phase == OPERATION_PHASE_QUEUED ? OPERATION_QUEUED : OPERATION_RUNNING;

	if (operation_ended(operation))
		return;
	if (operation->state != state)
		set_state(operation, state, false);
	if (operation->phase != phase)
		log_debug_as(operation->owner->cache->log, operation->id, "operation: %s",
			operation_phase_text(phase));
	operation->phase = phase;
	operation->done = done;
	operation->total = total;
	operation->progressed = true;
	operation->waits.error = OK;
}

void operation_waits(struct operation *operation, const struct fault *why)
{
	if (operation_ended(operation))
		return;
	operation_progress(operation, OPERATION_PHASE_WAITING, operation->done, operation->total);
	operation->waits = *why;
}

void operation_tell(struct operation *operation, operation_so_far *json, const void *context)
{
	operation->so_far = json;
	operation->so_far_context = context;
}

enum error operation_wait(struct operation *operation, int64_t deadline)
{
	enum error error = OK;

	fiber_wait_begin();
	while (!operation_ended(operation) && !error)
		error = fiber_cond_wait(&operation->ended, "the end of an operation", deadline);
	fiber_wait_end();
	return operation_ended(operation) ? OK : error;
}

void operation_cancel(struct operation *operation)
{
	if (!operation->fiber)
		return;
	log_debug(operation->owner->cache->log, "cancels the operation %s", operation->id);
	fiber_cancel(operation->fiber);
}

size_t operations_active(const struct operations *operations, const char *kind)
{
	for (size_t i = 0; i < operation_kinds_max && operations->kinds[i].kind; i++)
		if (strcmp(operations->kinds[i].kind, kind) == 0)
			return operations->kinds[i].queued + operations->kinds[i].running;
	return 0;
}

void operations_stop(struct operations *operations, int64_t deadline)
{
	operations->stopping = true;
	fiber_group_cancel(&operations->group);
	fiber_group_join(&operations->group, deadline);
}
