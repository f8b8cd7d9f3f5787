/* SPDX-License-Identifier: MIT */
/* All sessions of one user, by the user's index; see session.h. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "session/session_internal.h"

/* Up to so many are read on the connection for commands, more on that for bulk. */
enum { few = 64 };

/*
 * KEYS[1] the index; ARGV "session:", ref, except ('' = not given), rank to start at. One page: how
 * many ended and how many of the page stay, or -1 after the last. A session that is rotated
 * meanwhile gets a higher rank, on a later page.
 */
static const char end_script[] =
	"local ended, kept = 0, 0 "
	"local all = redis.call('ZRANGE', KEYS[1], ARGV[4], ARGV[4] + 999) "
	"for _, m in ipairs(all) do "
	"local ref = string.sub(m, 1, 16) "
	"if (ARGV[2] == '' or ref == ARGV[2]) and ref ~= ARGV[3] then "
	"ended = ended + redis.call('DEL', ARGV[1] .. m) "
	"redis.call('ZREM', KEYS[1], m) "
	"else kept = kept + 1 end end "
	"local hit = #all > 0 and 1 or 0 "
	"return {hit, 1 - hit, ended, #all > 0 and kept or -1}";

/* Reads the heads of the members, one reply each. Parks. */
static enum error read_heads(struct cache *cache, const struct redis_value *members,
	struct redis_batch *batch, struct fault *fault)
{
	struct session_key key;
	char end[16];

	snprintf(end, sizeof end, "%d", SESSION_HEAD_BYTES - 1);
	for (size_t i = 0; i < members->count; i++) {
		struct slice hash = redis_value_item(members, i);

		/* Anything else in the index is read as a key that does not exist. */
		if (hash.n != SESSION_HASH)
			session_key_of_id(SLICE(""), &key);
		else
			session_key_of_hash(hash, &key);
		REDIS_ADD(batch, SLICE("GETRANGE"), slice_of(key.text, SESSION_KEY), SLICE("0"),
			slice_str(end));
	}
	return cache_run(cache, members->count > few ? REDIS_BULK : REDIS_COMMANDS, batch, fault);
}

/* Removes entries of ended sessions; errors are ignored until the next time. Parks. */
static void clean(struct cache *cache, struct slice index, const struct slice *dead, size_t count)
{
	struct redis_batch *batch = redis_batch_new();
	struct slice *argv = mem_array(count + 2, sizeof *argv);

	argv[0] = SLICE("ZREM");
	argv[1] = index;
	memcpy(argv + 2, dead, count * sizeof *dead);
	redis_batch_add(batch, count + 2, argv);
	cache_run(cache, REDIS_COMMANDS, batch, NULL);
	mem_free(argv);
	redis_batch_free(batch);
}

/* The members, latest first, as sessions or as dead entries. */
struct sorted {
	struct session *sessions;
	size_t count;
	struct slice *dead;
	size_t dead_count;
};

static enum error sort_out(const struct redis_value *members, struct redis_batch *heads,
	struct sorted *ret, struct fault *fault)
{
	struct session_record record = {0};
	struct session_key key;

	for (size_t i = members->count; i-- > 0;) {
		const struct redis_value *head = redis_batch_reply(heads, i);
		struct slice hash = redis_value_item(members, i);
		enum error error = redis_value_error(head, fault);

		if (error && error != ERR_WRONG_TYPE)
			return error;
		if (hash.n != SESSION_HASH || head->type != REDIS_STRING ||
			!session_record_head(head->text, &record)) {
			ret->dead[ret->dead_count++] = hash;
			continue;
		}
		session_key_of_hash(hash, &key);
		session_fill(&key, &record, &ret->sessions[ret->count++]);
	}
	return OK;
}

enum error session_list(struct sessions *sessions, struct slice user_id, struct session **ret,
	size_t *ret_count, struct fault *fault)
{
	struct cache *cache = sessions->cache;
	struct redis_batch *heads = redis_batch_new();
	struct redis_value *members = NULL;
	struct sorted sorted = {0};
	struct buf name = {0};

	session_index(cache, user_id, &name);
	struct slice index = buf_slice(&name);
	enum error error = redis_store_command(cache->store, index, &members, fault,
		SLICE("ZRANGE"), index, SLICE("-1000"), SLICE("-1"));
	if (error || members->count == 0)
		goto out;
	error = read_heads(cache, members, heads, fault);
	if (error)
		goto out;
	sorted.sessions = mem_array(members->count, sizeof *sorted.sessions);
	sorted.dead = mem_array(members->count, sizeof *sorted.dead);
	error = sort_out(members, heads, &sorted, fault);
	if (!error && sorted.dead_count)
		clean(cache, index, sorted.dead, sorted.dead_count);
out:
	for (size_t i = 0; error && i < sorted.count; i++)
		session_release(&sorted.sessions[i]);
	*ret = error ? NULL : sorted.sessions;
	*ret_count = error ? 0 : sorted.count;
	if (error)
		mem_free(sorted.sessions);
	mem_free(sorted.dead);
	redis_value_free(members);
	redis_batch_free(heads);
	buf_release(&name);
	return error;
}

enum error session_end_all(struct sessions *sessions, struct slice user_id, struct slice ref,
	struct slice except, size_t *ret_ended, struct fault *fault)
{
	struct cache *cache = sessions->cache;
	struct buf index = {0};
	int64_t ended, kept = 0, from = 0;
	enum error error;
	char text[24];

	*ret_ended = 0;
	session_index(cache, user_id, &index);
	do {
		snprintf(text, sizeof text, "%lld", (long long)from);
		const struct session_script script = {.text = end_script,
			.keys = {buf_slice(&index)},
			.key_count = 1,
			.args = {SLICE(SESSION_PREFIX), ref, except, slice_str(text)},
			.arg_count = 4};
		error = session_run(cache, &script, &ended, &kept, fault);
		/* An empty page would loop endlessly. */
		if (!error && (ended < 0 || (ended == 0 && kept == 0)))
			error = fault_set(fault, ERR_REDIS_PROTOCOL,
				"Redis's reply to a script is not its result");
		if (error)
			break;
		*ret_ended += (size_t)ended;
		from += kept;
	} while (kept >= 0);
	buf_release(&index);
	return error;
}
