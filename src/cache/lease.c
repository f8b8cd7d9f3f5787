/* SPDX-License-Identifier: MIT */
/* Taking, storing under and giving back a lease; see lease.h. */
#include "cache/lease.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "cache/entry_internal.h"
#include "cache/lease_internal.h"
#include "cache/soft.h"
#include "cache/tag.h"
#include "cache/wrote.h"

enum { cleanup_ms = 2000 };

/* KEYS the lease, the value, its mark of a soft purge. Stores for a while, if the lease is ours. */
static const char store_script[] =
	"local v = redis.call('GET', KEYS[1]) "
	"if not v or string.sub(v, 1, #ARGV[1]) ~= ARGV[1] then return 0 end "
	"redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3]) redis.call('DEL', KEYS[3]) return 1";

/*
 * Gives what was stored its time ('' = for ever), or takes it away ('0'), and ends the lease. A
 * value with more time than ours has is somebody else's, who knew nothing of leases.
 */
static const char settle_script[] =
	"local v = redis.call('GET', KEYS[1]) "
	"if not v or string.sub(v, 1, #ARGV[1]) ~= ARGV[1] then return 0 end "
	"redis.call('DEL', KEYS[1]) "
	"local t = redis.call('PTTL', KEYS[2]) "
	"if t < 0 or t > tonumber(ARGV[3]) then return 0 end "
	"if ARGV[2] == '0' then redis.call('UNLINK', KEYS[2]) "
	"elseif ARGV[2] == '' then redis.call('PERSIST', KEYS[2]) "
	"else redis.call('PEXPIRE', KEYS[2], ARGV[2]) end "
	"return 1";

/* Takes a lease over that can store nothing any more, and what it may have stored for a while. */
static const char take_over_script[] =
	"if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end "
	"local t = redis.call('PTTL', KEYS[2]) "
	"if t >= 0 and t <= tonumber(ARGV[4]) then redis.call('UNLINK', KEYS[2]) end "
	"redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) return 1";

static bool is_over(struct cw *cw, struct slice key, const struct lease_record *record)
{
	struct inval_since *since = inval_log_since(cw, record->since);
	bool over = !since || inval_since_matches(since, key) ||
		    inval_since_matches_tags(since, record->tags, record->tag_count);

	inval_since_free(since);
	return over;
}

/* A lease on its way. */
struct taking {
	struct cw *cw;
	const struct lease_want *want;
	struct buf name, value;
	char last[INVAL_ID_BYTES];
};

/* Another has it: whether it is over, and ours now. Parks. */
static enum error take_over(
	const struct taking *t, const struct redis_value *holder, bool *ret, struct fault *fault)
{
	struct slice key = t->want->key;
	char ms[SLICE_INT_ROOM], provisional[SLICE_INT_ROOM];
	struct redis_value *reply = NULL;
	struct lease_record record;

	*ret = false;
	/* The log has not moved since that one was taken: nothing can have ended it. */
	if (!lease_record(holder->text, &record) || strcmp(record.since, t->last) == 0 ||
		!is_over(t->cw, key, &record))
		return OK;
	enum error error = redis_store_command(t->cw->store, buf_slice(&t->name), &reply, fault,
		SLICE("EVAL"), slice_str(take_over_script), SLICE("2"), buf_slice(&t->name), key,
		holder->text, buf_slice(&t->value), slice_of_int(ms, t->want->ms),
		slice_of_int(provisional, LEASE_PROVISIONAL_MS));
	*ret = !error && reply->type == REDIS_INTEGER && reply->integer == 1;
	redis_value_free(reply);
	return error;
}

/* Parks. */
static enum error claim(const struct taking *t, struct lease *ret, struct fault *fault)
{
	struct redis_value *holder = NULL;
	bool mine = false;
	enum error error =
		token_claim(t->cw, buf_slice(&t->name), t->value.p, t->want->ms, &holder, fault);

	if (!error)
		mine = token_is(holder, ret->token);
	if (!error && !mine && holder->type == REDIS_STRING)
		error = take_over(t, holder, &mine, fault);
	if (!error && !mine && holder->type == REDIS_STRING && holder->text.n >= TOKEN_DIGITS)
		snprintf(ret->holder, sizeof ret->holder, "%s", holder->text.p);
	/* It may have been set although no answer came. */
	if (error)
		lease_release(t->cw, t->want->key, slice_str(ret->token), NULL);
	if (!mine)
		ret->token[0] = '\0';
	log_debug(t->cw->log, "lease of \"%.*s\": %s", LOG_KEY(t->want->key),
		error	? error_code(error)
		: !mine ? "another load holds it"
		: token_is(holder, ret->token)
			? "taken"
			: "taken over from a load that an invalidation has ended");
	redis_value_free(holder);
	return error;
}

enum error lease_take(
	struct cw *cw, const struct lease_want *want, struct lease *ret, struct fault *fault)
{
	struct taking t = {.cw = cw, .want = want};

	*ret = (struct lease){0};
	/* One that could not be used or ended would only keep others waiting. */
	enum error error = redis_store_allow(cw->store, FEATURE_LEASES, fault);

	/* The id comes first: what is invalidated from here on is seen when the value is stored. */
	if (!error)
		error = inval_log_last(cw, t.last, fault);
	if (error)
		return error;
	token_new(ret->token);
	buf_printf(&t.value, "%s %s", ret->token, t.last);
	for (size_t i = 0; i < want->tag_count; i++) {
		buf_char(&t.value, '\n');
		buf_add(&t.value, want->tags[i]);
	}
	lease_key(cw, want->key, &t.name);
	error = claim(&t, ret, fault);
	buf_release(&t.name);
	buf_release(&t.value);
	return error;
}

enum error lease_release(struct cw *cw, struct slice key, struct slice token, struct fault *fault)
{
	bool cleanup = fiber_cleanup_enter(cleanup_ms);
	struct buf name = {0};

	lease_key(cw, key, &name);
	enum error error = token_remove(cw, buf_slice(&name), token, fault);
	log_debug(cw->log, "lease of \"%.*s\": %s", LOG_KEY(key),
		error ? error_code(error) : "given back");
	buf_release(&name);
	if (cleanup)
		fiber_cleanup_end();
	return error;
}

/* A store on its way. */
struct storing {
	struct cw *cw;
	struct slice token;
	const struct entry_write *write;
	struct buf lease; /* its key */
	int64_t px_ms;
	char provisional[24]; /* milliseconds */
	char since[INVAL_ID_BYTES];
};

static enum error lost(struct fault *fault)
{
	return fault_set(fault, ERR_LEASE_LOST,
		"the lease has ended (its time has passed, or the key was written or invalidated), "
		"or was never granted, so nothing was stored: read the key again, and load within "
		"the time that was asked for");
}

/* The log's id behind the token in a lease's value. */
static bool read_since(struct storing *s, const struct redis_value *value)
{
	struct lease_record record;

	if (value->type != REDIS_STRING || !lease_record(value->text, &record) ||
		!slice_starts(value->text, s->token))
		return false;
	memcpy(s->since, record.since, sizeof s->since);
	return true;
}

/* The value for a few seconds, and where the log is to be read from. Parks. */
static enum error store_for_a_while(struct storing *s, struct fault *fault)
{
	const struct entry_write *write = s->write;
	struct redis_batch *batch = redis_batch_new();
	struct slice lease = buf_slice(&s->lease);
	struct buf scratch = {0}, mark = {0}, failed = {0};

	struct entry_bytes bytes = entry_encode(s->cw, write, &scratch);
	s->px_ms = bytes.px_ms;
	bool shorter = s->px_ms >= 0 && s->px_ms < LEASE_PROVISIONAL_MS;
	snprintf(s->provisional, sizeof s->provisional, "%lld",
		(long long)(shorter ? s->px_ms : LEASE_PROVISIONAL_MS));
	wrote_note(s->cw, batch, &write->key, 1);
	soft_key(s->cw, write->key, &mark);
	size_t get = REDIS_ADD(batch, SLICE("GET"), lease);
	tag_add(s->cw, batch, write->key, s->px_ms, write->tags, write->tag_count);
	lease_failed_key(s->cw, write->key, &failed);
	REDIS_ADD(batch, SLICE("DEL"), buf_slice(&failed));
	size_t set = REDIS_ADD(batch, SLICE("EVAL"), slice_str(store_script), SLICE("3"), lease,
		write->key, buf_slice(&mark), s->token, bytes.stored, slice_str(s->provisional));
	enum error error = redis_node_run(redis_store_node(s->cw->store, write->key),
		REDIS_COMMANDS, batch, cw_deadline(s->cw), fault);
	for (size_t i = 0; i <= set && !error; i++)
		error = redis_value_error(redis_batch_reply(batch, i), fault);
	if (!error && (!read_since(s, redis_batch_reply(batch, get)) ||
			      redis_batch_reply(batch, set)->integer != 1))
		error = lost(fault);
	redis_batch_free(batch);
	buf_release(&scratch);
	buf_release(&mark);
	buf_release(&failed);
	return error;
}

/* Whether an invalidation has named the value since its load began. What is not known counts.
 * Parks. */
static bool is_stale(const struct storing *s)
{
	const struct entry_write *write = s->write;
	struct inval_since *since = inval_log_since(s->cw, s->since);
	bool stale = !since || inval_since_matches(since, write->key) ||
		     inval_since_matches_tags(since, write->tags, write->tag_count);

	inval_since_free(since);
	return stale;
}

/* Parks. */
static enum error settle(const struct storing *s, bool keep, bool *ret_kept, struct fault *fault)
{
	struct slice lease = buf_slice(&s->lease), key = s->write->key;
	struct redis_value *reply = NULL;
	struct buf time = {0};

	if (!keep)
		buf_char(&time, '0');
	else if (s->px_ms >= 0)
		buf_int(&time, s->px_ms);
	buf_reserve(&time, 1);
	enum error error = redis_store_command(s->cw->store, key, &reply, fault, SLICE("EVAL"),
		slice_str(settle_script), SLICE("2"), lease, key, s->token, buf_slice(&time),
		slice_str(s->provisional));
	*ret_kept = keep && !error && reply->type == REDIS_INTEGER && reply->integer == 1;
	redis_value_free(reply);
	buf_release(&time);
	return error;
}

enum error lease_store(struct cw *cw, struct slice token, const struct entry_write *write,
	bool *ret_kept, struct fault *fault)
{
	struct storing s = {.cw = cw, .token = token, .write = write};
	enum error error = entry_check_size(cw, write, fault);

	*ret_kept = false;
	/* The scripts compare the beginning of the lease with it. */
	if (!error && token.n != TOKEN_DIGITS)
		error = lost(fault);
	if (error)
		return error;
	lease_key(cw, write->key, &s.lease);
	error = store_for_a_while(&s, fault);
	if (!error)
		error = settle(&s, !is_stale(&s), ret_kept, fault);
	else if (error == ERR_WRONG_TYPE)
		/* The set of a tag is none: nobody could invalidate the value by that tag. */
		settle(&s, false, ret_kept, NULL);
	cw->sets += *ret_kept;
	log_debug(cw->log, "lease of \"%.*s\": %s", LOG_KEY(write->key),
		error == ERR_LEASE_LOST ? "lost, nothing was stored"
		: error			? error_code(error)
		: *ret_kept		? "stored"
					: "not kept: an invalidation or a write came in between");
	buf_release(&s.lease);
	return error;
}
