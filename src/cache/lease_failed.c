/* SPDX-License-Identifier: MIT */
/*
 * What becomes of loads that fail: told to the waiters, and, where the source has nothing,
 * remembered; see lease.h.
 *
 *	cw:failed:{0}:<key>   "f <code>\n<detail>\n<value of the lease>"	for LEASE_FAILED_MS
 *	                      "a ..."	that there is nothing: for as long as the loader says
 *
 * The lease's value in it has the id of the log from which the load could know nothing. So an
 * invalidation need not find the note: a reader of it looks at the log from there on.
 */
#include <string.h>

#include "base/mem.h"
#include "cache/entry_internal.h"
#include "cache/lease_internal.h"

enum { cleanup_ms = 2000, detail_bytes = 400 };

/* KEYS the lease, the note, the value. ARGV the token, the note's head, its PX, a PTTL or ''. */
static const char fail_script[] =
	"local v = redis.call('GET', KEYS[1]) "
	"if not v or string.sub(v, 1, #ARGV[1]) ~= ARGV[1] then return 0 end "
	"redis.call('DEL', KEYS[1]) "
	"local t, gone = redis.call('PTTL', KEYS[3]), 0 "
	"if ARGV[4] ~= '' and t >= 0 and t <= tonumber(ARGV[4]) then "
	"gone = redis.call('UNLINK', KEYS[3]) end "
	"redis.call('SET', KEYS[2], ARGV[2] .. v, 'PX', ARGV[3]) "
	"return gone";

/* KEYS the note. ARGV what it was, what it is from now on: '' = gone. */
static const char change_script[] = "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end "
				    "if ARGV[2] == '' then return redis.call('DEL', KEYS[1]) end "
				    "redis.call('SET', KEYS[1], ARGV[2], 'KEEPTTL') return 1";

/* Takes what stands before `end` off the text; all of it where that is missing. */
static struct slice cut(struct slice *text, char end)
{
	const char *at = text->n ? memchr(text->p, end, text->n) : NULL;
	size_t n = at ? (size_t)(at - text->p) : text->n;
	struct slice part = slice_of(text->p, n);

	*text = at ? slice_of(at + 1, text->n - n - 1) : slice_of(text->p + n, 0);
	return part;
}

bool lease_record(struct slice text, struct lease_record *ret)
{
	struct slice line = cut(&text, '\n');

	*ret = (struct lease_record){.token = cut(&line, ' ')};
	struct slice id = cut(&line, ' ');

	if (ret->token.n != OWNER_TOKEN_DIGITS || id.n == 0 || id.n >= sizeof ret->since.id ||
		line.n >= sizeof ret->since.server)
		return false;
	memcpy(ret->since.id, id.p, id.n);
	if (line.n)
		memcpy(ret->since.server, line.p, line.n);
	while (text.n && ret->tag_count < ENTRY_MANY_TAGS)
		ret->tags[ret->tag_count++] = cut(&text, '\n');
	return true;
}

/* A note, taken apart: views of its text. */
struct note {
	bool absent;
	struct fault why;
	struct slice lease; /* the value that the lease had */
	struct lease_record record;
};

static bool read_note(const struct redis_value *value, struct note *ret)
{
	char code[64];

	if (!value || value->type != REDIS_STRING || value->text.n < 2)
		return false;
	struct slice rest = slice_of(value->text.p + 2, value->text.n - 2);
	struct slice name = cut(&rest, '\n'), detail = cut(&rest, '\n');
	ret->absent = value->text.p[0] == 'a';
	ret->lease = rest;
	if (name.n >= sizeof code || !lease_record(rest, &ret->record))
		return false;
	memcpy(code, name.p, name.n);
	code[name.n] = '\0';
	return fault_set(&ret->why, error_of(code), "%.*s", (int)detail.n, detail.p) != OK;
}

static void write_head(const struct lease_failure *failure, struct buf *out)
{
	buf_printf(out, "%c %s\n", failure->remember_ms > 0 ? 'a' : 'f',
		error_code(failure->why->error));
	for (const char *c = failure->why->detail; *c && c < failure->why->detail + detail_bytes;
		c++)
		buf_char(out, *c == '\n' ? ' ' : *c);
	buf_char(out, '\n');
}

void lease_fail(struct cache *cache, struct slice key, struct slice token,
	const struct lease_failure *failure, bool *ret_dropped)
{
	int64_t ms = failure->remember_ms > 0 ? failure->remember_ms : LEASE_FAILED_MS;
	char px[SLICE_INT_ROOM], pttl[SLICE_INT_ROOM];
	struct buf lease = {0}, note = {0}, head = {0};
	struct redis_value *reply = NULL;
	bool cleanup = fiber_cleanup_enter(cleanup_ms);

	lease_key(cache, key, &lease);
	lease_failed_key(cache, key, &note);
	write_head(failure, &head);
	enum error error = store_command(cache->store, key, &reply, NULL, SLICE("EVAL"),
		slice_str(fail_script), SLICE("3"), buf_slice(&lease), buf_slice(&note), key, token,
		buf_slice(&head), slice_of_int(px, ms),
		failure->drop_pttl_ms < 0 ? SLICE("") : slice_of_int(pttl, failure->drop_pttl_ms));
	*ret_dropped = !error && reply->type == REDIS_INTEGER && reply->integer > 0;
	/* Such as no memory for the note: then the waiters load by themselves. */
	if (error)
		lease_release(cache, key, token, NULL);
	redis_value_free(reply);
	buf_release(&lease);
	buf_release(&note);
	buf_release(&head);
	if (cleanup)
		fiber_cleanup_end();
}

static void fill_watch(void *context, struct redis_batch *batch)
{
	const struct entry_step *step = context;
	struct buf lease = {0}, note = {0};

	lease_key(step->cache, step->key, &lease);
	lease_failed_key(step->cache, step->key, &note);
	REDIS_ADD(batch, SLICE("EXISTS"), buf_slice(&lease));
	REDIS_ADD(batch, SLICE("GET"), buf_slice(&note));
	buf_release(&lease);
	buf_release(&note);
}

enum error lease_watch(
	struct cache *cache, struct slice key, struct lease_watch *ret, struct fault *fault)
{
	struct redis_batch *batch = redis_batch_new();
	struct entry_step step = {
		.cache = cache, .key = key, .idempotent = true, .fill = fill_watch};
	struct note note;

	*ret = (struct lease_watch){0};
	step.context = &step;
	enum error error = entry_step(&step, batch, fault);
	for (size_t i = 0; i < 2 && !error; i++)
		error = redis_value_error(redis_batch_reply(batch, i), fault);
	if (!error)
		ret->taken = redis_batch_reply(batch, 0)->integer > 0;
	if (!error && read_note(redis_batch_reply(batch, 1), &note)) {
		memcpy(ret->failed, note.record.token.p, OWNER_TOKEN_DIGITS);
		ret->why = note.why;
	}
	redis_batch_free(batch);
	return error;
}

/* Parks. */
static void change(struct cache *cache, struct slice name, struct slice from, struct slice to)
{
	store_command(cache->store, name, NULL, NULL, SLICE("EVAL"), slice_str(change_script),
		SLICE("1"), name, from, to);
}

/* The next look need not go through what this one has seen of the log. Parks. */
static void move_on(struct cache *cache, struct slice name, struct slice text,
	const struct note *note, const char *last)
{
	struct slice tags = note->lease;
	struct buf to = {0};

	cut(&tags, '\n');
	buf_append(&to, text.p, (size_t)(note->lease.p - text.p));
	buf_append(&to, note->record.token.p, OWNER_TOKEN_DIGITS);
	buf_printf(&to, " %s", last);
	if (note->record.since.server[0])
		buf_printf(&to, " %s", note->record.since.server);
	if (tags.n) {
		buf_char(&to, '\n');
		buf_add(&to, tags);
	}
	change(cache, name, text, buf_slice(&to));
	buf_release(&to);
}

/* Whether nothing has been invalidated since that says otherwise. What is not known does. Parks. */
static bool still_holds(struct cache *cache, struct slice key, struct slice name, struct slice text,
	const struct note *note)
{
	const struct lease_record *record = &note->record;
	struct inval_since *since = inval_log_since(cache, &record->since);
	bool named, holds = since && !inval_since_check(since, key, &named) && !named &&
			    !inval_since_matches_tags(since, record->tags, record->tag_count);

	if (!holds)
		change(cache, name, text, SLICE(""));
	else if (!inval_since_empty(since))
		move_on(cache, name, text, note, inval_since_last(since));
	inval_since_free(since);
	return holds;
}

bool lease_absent(struct cache *cache, struct slice key, struct fault *why)
{
	struct redis_value *reply = NULL;
	struct buf name = {0};
	struct note note;
	bool absent = false;

	lease_failed_key(cache, key, &name);
	if (store_command(cache->store, key, &reply, NULL, SLICE("GET"), buf_slice(&name)) == OK &&
		read_note(reply, &note) && note.absent)
		absent = still_holds(cache, key, buf_slice(&name), reply->text, &note);
	if (absent)
		*why = note.why;
	redis_value_free(reply);
	buf_release(&name);
	return absent;
}
