/* SPDX-License-Identifier: MIT */
/* One key for each kind of work, and what this daemon knows of it; see pause.h. */
#include "operation/pause.h"

#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "base/timestamp.h"
#include "text/json.h"

enum { look_every_ms = 1000 };

struct pauses {
	struct cache *cache;
	struct fiber_group group;
	struct pause_state states[PAUSE_COUNT]; /* until_wall_ms 0 = not paused */
	uint64_t changes[PAUSE_COUNT];		/* by this daemon's own requests */
};

const char *pause_name(enum pause what)
{
	static const char *const names[] = {
#define X(name, text) text,
		PAUSE_TABLE(X)
#undef X
	};

	assert(what < PAUSE_COUNT);
	return names[what];
}

enum pause pause_named(struct slice name)
{
	enum pause what = 0;

	while (what < PAUSE_COUNT && !slice_is(name, pause_name(what)))
		what++;
	return what;
}

static bool holds(const struct pause_state *state)
{
	return state->until_wall_ms > clock_wall_ms();
}

static void forget(struct pause_state *state)
{
	mem_free(state->by);
	mem_free(state->note);
	*state = (struct pause_state){0};
}

/* Takes `next` over, and says in the log what changes. */
static void apply(struct pauses *pauses, enum pause what, struct pause_state next)
{
	struct pause_state *state = &pauses->states[what];
	struct buf until = {0};

	if (holds(&next) && next.until_wall_ms != state->until_wall_ms) {
		timestamp_format(next.until_wall_ms, &until);
		log_info(pauses->cache->log, "%s is paused until %s by %s%s%s", pause_name(what),
			until.p, next.by, next.note ? ": " : "", next.note ? next.note : "");
		buf_release(&until);
	} else if (!holds(&next) && state->until_wall_ms) {
		log_info(pauses->cache->log, "%s is not paused any more", pause_name(what));
	}
	forget(state);
	if (holds(&next))
		*state = next;
	else
		forget(&next);
	metric_set(pauses->cache->metrics, METRIC_PAUSED, pause_name(what), NULL, holds(state));
}

static void key_of(const struct pauses *pauses, enum pause what, struct buf *out)
{
	cache_own_key(pauses->cache, "paused:", slice_str(pause_name(what)), out);
}

static bool time_member(const cJSON *record, const char *name, int64_t *ret)
{
	const cJSON *member = cJSON_GetObjectItemCaseSensitive(record, name);

	return cJSON_IsString(member) && !timestamp_parse(slice_str(member->valuestring), ret);
}

static char *text_member(const cJSON *record, const char *name)
{
	const cJSON *member = cJSON_GetObjectItemCaseSensitive(record, name);

	return cJSON_IsString(member) ? mem_strdup(member->valuestring) : NULL;
}

/* What another process may have written counts only if it is whole. */
static struct pause_state parse(struct slice text)
{
	struct pause_state state = {0};
	cJSON *record = NULL;
	int64_t most = clock_wall_ms() + (int64_t)PAUSE_MAX_SECONDS * 1000;

	if (json_parse_object(text, &record, NULL))
		return state;
	state.by = text_member(record, "by");
	state.note = text_member(record, "note");
	if (!state.by || !time_member(record, "since", &state.since_wall_ms) ||
		!time_member(record, "until", &state.until_wall_ms) || state.until_wall_ms > most)
		forget(&state);
	cJSON_Delete(record);
	return state;
}

/*
 * Of several servers one may be slow: what another has answered before a request changed a pause
 * is old by then.
 */
static void look(struct pauses *pauses)
{
	struct redis_batch *batch = redis_batch_new();
	struct buf key = {0};
	uint64_t before[PAUSE_COUNT];

	memcpy(before, pauses->changes, sizeof before);
	for (enum pause what = 0; what < PAUSE_COUNT; what++) {
		buf_clear(&key);
		key_of(pauses, what, &key);
		REDIS_ADD(batch, SLICE("GET"), buf_slice(&key));
	}
	cache_run(pauses->cache, REDIS_COMMANDS, batch, NULL);
	for (enum pause what = 0; what < PAUSE_COUNT; what++) {
		const struct redis_value *reply = redis_batch_reply(batch, what);
		bool over = pauses->states[what].until_wall_ms && !holds(&pauses->states[what]);

		if (pauses->changes[what] != before[what])
			continue;
		if (reply && reply->type == REDIS_STRING)
			apply(pauses, what, parse(reply->text));
		else if (over || (reply && reply->type == REDIS_NIL))
			apply(pauses, what, (struct pause_state){0});
	}
	buf_release(&key);
	redis_batch_free(batch);
}

static void look_fiber(void *argument)
{
	do
		look(argument);
	while (fiber_sleep(look_every_ms) == OK);
}

struct pauses *pauses_new(struct cache *cache)
{
	struct pauses *pauses = mem_new(struct pauses);

	pauses->cache = cache;
	fiber_group_init(&pauses->group, "pauses", cache->loop);
	fiber_spawn(&pauses->group, "pauses", look_fiber, pauses);
	return pauses;
}

void pauses_stop(struct pauses *pauses)
{
	if (!pauses)
		return;
	fiber_group_stop(&pauses->group);
}

void pauses_free(struct pauses *pauses)
{
	if (!pauses)
		return;
	for (enum pause what = 0; what < PAUSE_COUNT; what++)
		forget(&pauses->states[what]);
	mem_free(pauses);
}

const struct pause_state *pause_state(const struct pauses *pauses, enum pause what)
{
	return pauses && holds(&pauses->states[what]) ? &pauses->states[what] : NULL;
}

enum error pause_check(const struct pauses *pauses, enum pause what, struct fault *fault)
{
	const struct pause_state *state = pause_state(pauses, what);
	struct buf until = {0};

	if (!state)
		return OK;
	timestamp_format(state->until_wall_ms, &until);
	fault_set(fault, ERR_PAUSED,
		"%s is paused until %s by %s%s%s%s: wait, or end the pause (resume)",
		pause_name(what), until.p, state->by, state->note ? " (" : "",
		state->note ? state->note : "", state->note ? ")" : "");
	buf_release(&until);
	return ERR_PAUSED;
}

static void print(const struct pause_state *state, struct buf *out)
{
	cJSON *record = cJSON_CreateObject();

	json_add_text(record, "by", state->by);
	json_add_text(record, "note", state->note ? state->note : "");
	json_add_time(record, "since", state->since_wall_ms);
	json_add_time(record, "until", state->until_wall_ms);
	json_print(record, out);
	cJSON_Delete(record);
}

/* Takes over what a request has written to Redis. */
static void take_over(struct pauses *pauses, enum pause what, struct pause_state next)
{
	pauses->changes[what]++;
	apply(pauses, what, next);
}

static void tell(struct pauses *pauses, enum pause what, const char *by, struct slice note)
{
	struct pause_change change = {
		.what = what, .state = pause_state(pauses, what), .by = by, .note = note};

	event_publish(pauses->cache->bus, EVENT_PAUSE, &change);
}

/*
 * Without memory Redis refuses a SET, but not to a script whose first write takes no memory
 * (cache/owner.c): memory that warm runs have filled is a reason to pause them. Parks.
 */
static enum error store_though_full(struct pauses *pauses, struct slice key, struct slice text,
	struct slice ms, struct fault *fault)
{
	static const char script[] = "redis.call('PEXPIRE', KEYS[1], ARGV[2]) "
				     "redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) "
				     "return {0, 0}";
	struct store *store = pauses->cache->store;
	struct fault refused;
	enum error error =
		store_command(store, key, NULL, fault, SLICE("SET"), key, text, SLICE("PX"), ms);

	if (error != ERR_REDIS_OOM)
		return error;
	error = store_command(store, key, NULL, &refused, SLICE("EVAL"), slice_str(script),
		SLICE("1"), key, text, ms);
	/* Where scripts are denied, it is the memory that is missing. */
	if (error == ERR_REDIS_NOPERM)
		return ERR_REDIS_OOM;
	if (error)
		*fault = refused;
	return error;
}

enum error pause_begin(struct pauses *pauses, enum pause what, int64_t seconds, const char *by,
	struct slice note, struct fault *fault)
{
	int64_t now = clock_wall_ms();
	struct pause_state next = {.since_wall_ms = now,
		.until_wall_ms = now + seconds * 1000,
		.by = mem_strdup(by),
		.note = note.n ? slice_dup(note) : NULL};
	struct buf key = {0}, text = {0};
	char ms[SLICE_INT_ROOM];

	key_of(pauses, what, &key);
	print(&next, &text);
	enum error error = store_though_full(
		pauses, buf_slice(&key), buf_slice(&text), slice_of_int(ms, seconds * 1000), fault);

	if (error) {
		forget(&next);
	} else {
		take_over(pauses, what, next);
		tell(pauses, what, by, note);
	}
	buf_release(&key);
	buf_release(&text);
	return error;
}

enum error pause_end(struct pauses *pauses, enum pause what, const char *by, struct slice note,
	struct fault *fault)
{
	struct buf key = {0};
	struct redis_value *reply = NULL;

	key_of(pauses, what, &key);
	enum error error = store_command(pauses->cache->store, buf_slice(&key), &reply, fault,
		SLICE("DEL"), buf_slice(&key));
	if (!error) {
		take_over(pauses, what, (struct pause_state){0});
		if (reply->integer > 0)
			tell(pauses, what, by, note);
	}
	redis_value_free(reply);
	buf_release(&key);
	return error;
}
