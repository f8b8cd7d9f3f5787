/* SPDX-License-Identifier: MIT */
#include "cache/lease_internal.h"

#include "../unit.h"
#include "base/mem.h"
#include "engine.h"

static const struct slice key = SLICE("k:1");
static const struct slice tags[] = {SLICE("red")};

static struct lease take(void)
{
	struct lease lease;
	struct fault fault;

	ck_assert_int_eq(lease_take(&engine.cache, &(struct lease_want){.key = key, .ms = 60000},
				 &lease, &fault),
		OK);
	return lease;
}

typedef enum error store_function(struct cache *cache, struct slice token,
	const struct entry_write *write, bool *ret_kept, struct fault *fault);
static store_function *way = lease_store;

/* Whether what is stored under the lease stays. */
static bool store(const char *token, enum error expected)
{
	const struct entry_write write = {
		.key = key, .value = SLICE("v"), .ttl_ms = 600000, .tags = tags, .tag_count = 1};
	struct fault fault;
	bool kept = true;

	ck_assert_int_eq(way(&engine.cache, slice_str(token), &write, &kept, &fault), expected);
	return kept;
}

static void purge(const struct inval_entry *entry)
{
	struct fault fault;

	ck_assert_int_eq(inval_log_append(&engine.cache, entry, &fault), OK);
}

static bool is_there(void)
{
	return engine_call("EXISTS", "k:1", NULL, NULL) == 1;
}

static void one_loads(void)
{
	struct lease mine = take(), other = take();
	struct lease_watch watch;

	ck_assert_uint_eq(strlen(mine.token), OWNER_TOKEN_DIGITS);
	ck_assert_str_eq(other.token, "");
	ck_assert_int_eq(lease_watch(&engine.cache, key, &watch, NULL), OK);
	ck_assert(watch.taken);
	/* It is a new value: no mark of a soft purge, no note of a failure is about it. */
	engine_call("SET", "cw:soft:{0}:k:1", "x", NULL);
	engine_call("SET", "cw:failed:{0}:k:1", "x", NULL);
	ck_assert(store(mine.token, OK));
	ck_assert_int_eq(engine_call("EXISTS", "cw:soft:{0}:k:1", "cw:failed:{0}:k:1", NULL), 0);
	ck_assert_int_gt(engine_call("PTTL", "k:1", NULL, NULL), LEASE_PROVISIONAL_MS);
	ck_assert_int_eq(engine_call("ZCARD", "cw:tag:red", NULL, NULL), 1);
	/* It ended with the store. */
	ck_assert_int_eq(lease_watch(&engine.cache, key, &watch, NULL), OK);
	ck_assert(!watch.taken);
	ck_assert(!store(mine.token, ERR_LEASE_LOST));
}

TEST_CALL(of_all_callers_that_miss_one_loads, engine_run("", one_loads))

static void forged(void)
{
	struct lease mine = take();

	ck_assert(!store("", ERR_LEASE_LOST));
	ck_assert(!store("0123456789abcdef0123456789abcdef", ERR_LEASE_LOST));
	mine.token[OWNER_TOKEN_DIGITS - 1] = '\0';
	ck_assert(!store(mine.token, ERR_LEASE_LOST));
	ck_assert(!is_there());
}

/* What of the lease's value others may have written. */
START_TEST(a_lease_is_read_whole_or_not_at_all)
{
#define TOKEN  "0123456789abcdef0123456789abcdef"
#define SERVER TOKEN "01234567"
	static const struct {
		const char *text, *since;
		size_t tags;
	} cases[] = {{"", NULL, 0}, {TOKEN, NULL, 0}, {TOKEN " ", NULL, 0}, {TOKEN " 0", "0", 0},
		{TOKEN " 1-2", "1-2", 0}, {TOKEN " 1-2\na", "1-2", 1}, {TOKEN "\n1-2", NULL, 0},
		{TOKEN " 1-2\na\nb c\n", "1-2", 2}, {TOKEN "0 1-2", NULL, 0},
		{"123456789abcdef0123456789abcdef 1-2", NULL, 0}, {TOKEN " \na", NULL, 0}};
	struct lease_record record;
	char text[256];

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		bool good = lease_record(slice_str(cases[i].text), &record);

		ck_assert_msg(good == (cases[i].since != NULL), "case %zu", i);
		if (!good)
			continue;
		ck_assert(slice_is(record.token, TOKEN));
		ck_assert_str_eq(record.since.id, cases[i].since);
		ck_assert_str_eq(record.since.server, "");
		ck_assert_uint_eq(record.tag_count, cases[i].tags);
	}
	/* In a cluster the log's server follows. */
	ck_assert(lease_record(SLICE(TOKEN " 1-2 " SERVER "\na"), &record));
	ck_assert_str_eq(record.since.id, "1-2");
	ck_assert_str_eq(record.since.server, SERVER);
	ck_assert_uint_eq(record.tag_count, 1);
	ck_assert(!lease_record(SLICE(TOKEN " 1-2 " SERVER "0\na"), &record));
	ck_assert(!lease_record(SLICE(TOKEN "  " SERVER), &record));
	/* The longest id of a log, and a byte more. */
	for (int more = 0; more < 2; more++) {
		snprintf(text, sizeof text, TOKEN " %0*d", INVAL_ID_BYTES - 1 + more, 1);
		ck_assert_int_eq(lease_record(slice_str(text), &record), !more);
	}
#undef TOKEN
#undef SERVER
}
END_TEST

TEST_CALL(an_invalid_token_stores_nothing, engine_run("", forged))

static void invalidated_meanwhile(void)
{
	const struct slice keys[] = {SLICE("k:1")}, patterns[] = {SLICE("k:*")},
			   others[] = {SLICE("k:2"), SLICE("green")};
	const struct inval_entry stale[] = {
		{.operation_id = "o", .keys = keys, .key_count = 1},
		{.operation_id = "o", .patterns = patterns, .pattern_count = 1},
		{.operation_id = "o", .tags = tags, .tag_count = 1},
	};

	for (size_t i = 0; i < sizeof stale / sizeof *stale; i++) {
		struct lease lease = take();

		purge(&stale[i]);
		ck_assert(!store(lease.token, OK));
		ck_assert(!is_there());
	}
	/* Neither what came before the load began nor what names others. */
	struct lease lease = take();
	purge(&(struct inval_entry){.operation_id = "o",
		.keys = others,
		.key_count = 1,
		.tags = others + 1,
		.tag_count = 1});
	ck_assert(store(lease.token, OK));
	ck_assert(is_there());
}

TEST_CALL(what_was_invalidated_during_the_load_does_not_stay, engine_run("", invalidated_meanwhile))

static void log_is_lost(void)
{
	const struct slice keys[] = {SLICE("other")};
	purge(&(struct inval_entry){.operation_id = "o", .keys = keys, .key_count = 1});
	struct lease lease = take();

	engine_call("DEL", "cw:inval", NULL, NULL);
	ck_assert(!store(lease.token, OK));
	ck_assert(!is_there());
}

TEST_CALL(without_the_log_nothing_stays, engine_run("", log_is_lost))

static void others_store(void)
{
	struct lease lease = take();
	enum entry_outcome outcome;

	ck_assert_int_eq(
		entry_write(&engine.cache, &(struct entry_write){.key = key, .value = SLICE("new")},
			&outcome, NULL),
		OK);
	store(lease.token, ERR_LEASE_LOST);
	ck_assert_int_eq(engine_call("STRLEN", "k:1", NULL, NULL), 3);
	lease = take();
	lease_release(&engine.cache, key, SLICE("0123456789abcdef0123456789abcdef"), NULL);
	ck_assert_str_eq(take().token, "");
	lease_release(&engine.cache, key, slice_str(lease.token), NULL);
	ck_assert_str_ne(take().token, "");
}

TEST_CALL(a_write_ends_it_and_only_its_holder_gives_it_back, engine_run("", others_store))

/* Over several servers, where no script sees value and log. */
static void by_steps(void (*script)(void))
{
	way = lease_store_in_steps;
	engine_run("", script);
	way = lease_store;
}

START_TEST(storing_in_steps_behaves_like_the_script)
{
	by_steps(one_loads);
	by_steps(invalidated_meanwhile);
	by_steps(log_is_lost);
}
END_TEST

/*
 * Writes share one connection: what the second fiber sends is between the steps of the first. The
 * first step stores no value yet.
 */
static const char *interference[3];

static void store_in_fiber(void *argument)
{
	struct lease *lease = argument;

	store(lease->token, OK);
}

static void interfere_in_fiber(void *argument)
{
	(void)argument;
	engine_call("DEL", "none", NULL, NULL);
	engine_call("SET", interference[0], interference[1], NULL);
}

static void store_with_interference(const char *name, const char *value)
{
	struct lease lease = take();
	struct fiber_group group;

	interference[0] = name;
	interference[1] = value;
	fiber_group_init(&group, "test", engine.cache.loop);
	fiber_spawn(&group, "store", store_in_fiber, &lease);
	fiber_spawn(&group, "interfere", interfere_in_fiber, NULL);
	ck_assert_int_eq(fiber_group_join(&group, clock_deadline(20000)), OK);
}

static void others_come_between(void)
{
	store_with_interference("k:1", "theirs");
	ck_assert_int_eq(engine_call("STRLEN", "k:1", NULL, NULL), 6);
	ck_assert_int_eq(engine_call("PTTL", "k:1", NULL, NULL), -1);
	engine_call("DEL", "k:1", NULL, NULL);
	/* Our lease has ended, and another has one. */
	store_with_interference("cw:lease:{0}:k:1", "other 0-0");
	ck_assert_int_eq(engine_call("STRLEN", "cw:lease:{0}:k:1", NULL, NULL), 9);
	ck_assert_int_le(engine_call("PTTL", "k:1", NULL, NULL), LEASE_PROVISIONAL_MS);
}

TEST_CALL(storing_in_steps_leaves_values_of_others_alone, by_steps(others_come_between))

static bool enough;

static void keep_growing(void *argument)
{
	const struct slice patterns[] = {SLICE("other:*")};

	(void)argument;
	while (!enough)
		purge(&(struct inval_entry){
			.operation_id = "o", .patterns = patterns, .pattern_count = 1});
}

static void store_in_vain(void *argument)
{
	struct lease *lease = argument;

	ck_assert(!store(lease->token, OK));
	enough = true;
}

/* Each time that it is judged the log has grown again. */
static void log_never_rests(void)
{
	struct lease lease = take();
	struct fiber_group group;

	fiber_group_init(&group, "test", engine.cache.loop);
	enough = false;
	fiber_spawn(&group, "grow", keep_growing, NULL);
	fiber_spawn(&group, "store", store_in_vain, &lease);
	ck_assert_int_eq(fiber_group_join(&group, clock_deadline(20000)), OK);
	ck_assert(!is_there());
	ck_assert_str_ne(take().token, "");
}

TEST_CALL(a_log_that_keeps_growing_ends_the_store, engine_run("", log_never_rests))

/* Who wants a lease that can store nothing any more gets it. */
static void taken_over(void)
{
	const struct slice keys[] = {SLICE("k:1")}, others[] = {SLICE("k:2")};
	struct lease first = take();

	purge(&(struct inval_entry){.operation_id = "o", .keys = others, .key_count = 1});
	ck_assert_str_eq(take().token, "");
	purge(&(struct inval_entry){.operation_id = "o", .keys = keys, .key_count = 1});
	/* What an application has stored since is not ours to take away. */
	engine_call("PSETEX", "k:1", "4000", "theirs");
	struct lease second = take();
	ck_assert_str_ne(second.token, "");
	ck_assert(is_there());
	store(first.token, ERR_LEASE_LOST);
	ck_assert(store(second.token, OK));
}

static void taken_over_by_tag(void)
{
	struct lease_want want = {.key = key, .tags = tags, .tag_count = 1, .ms = 60000};
	struct lease lease;

	ck_assert_int_eq(lease_take(&engine.cache, &want, &lease, NULL), OK);
	purge(&(struct inval_entry){.operation_id = "o", .tags = tags, .tag_count = 1});
	ck_assert_str_ne(take().token, "");
}

START_TEST(a_lease_that_can_store_nothing_is_taken_over)
{
	engine_run("", taken_over);
	engine_run("", taken_over_by_tag);
}
END_TEST

static const struct fault broken = {.error = ERR_SOURCE_FAILED, .detail = "out\nof order"},
			  nothing = {.error = ERR_NO_VALUE, .detail = "there is none"};

static bool load_fails(const char *token, const struct lease_failure *failure)
{
	bool dropped;

	lease_fail(&engine.cache, key, slice_str(token), failure, &dropped);
	return dropped;
}

/* What it failed with is told to those who wait for that lease, and to nothing else. */
static void told(void)
{
	const struct lease_failure failure = {.why = &broken, .drop_pttl_ms = -1};
	struct lease_watch watch;
	struct lease lease = take();
	struct fault why;

	load_fails("0123456789abcdef0123456789abcdef", &failure);
	ck_assert_int_eq(lease_watch(&engine.cache, key, &watch, NULL), OK);
	ck_assert(watch.taken && !watch.failed[0]);
	load_fails(lease.token, &failure);
	ck_assert_int_eq(lease_watch(&engine.cache, key, &watch, NULL), OK);
	ck_assert(!watch.taken);
	ck_assert_str_eq(watch.failed, lease.token);
	ck_assert_int_eq(watch.why.error, ERR_SOURCE_FAILED);
	ck_assert_str_eq(watch.why.detail, "out of order");
	/* A failure is no absence. */
	ck_assert(!lease_absent(&engine.cache, key, &why));
	ck_assert_int_le(engine_call("PTTL", "cw:failed:{0}:k:1", NULL, NULL), LEASE_FAILED_MS);
	/* What is stored under the next lease ends it. */
	ck_assert(store(take().token, OK));
	ck_assert_int_eq(engine_call("EXISTS", "cw:failed:{0}:k:1", NULL, NULL), 0);
}

static void remembered(void)
{
	const struct slice keys[] = {SLICE("k:1")}, others[] = {SLICE("k:2")};
	const struct lease_failure failure = {
		.why = &nothing, .remember_ms = 60000, .drop_pttl_ms = 1000};
	struct fault why;

	engine_call("PSETEX", "k:1", "900", "stale");
	ck_assert(load_fails(take().token, &failure));
	ck_assert(!is_there());
	ck_assert(lease_absent(&engine.cache, key, &why));
	ck_assert_str_eq(why.detail, "there is none");
	purge(&(struct inval_entry){.operation_id = "o", .keys = others, .key_count = 1});
	/* The second look goes on from where the first has read the log. */
	ck_assert(lease_absent(&engine.cache, key, &why));
	ck_assert(lease_absent(&engine.cache, key, &why));
	purge(&(struct inval_entry){.operation_id = "o", .keys = keys, .key_count = 1});
	ck_assert(!lease_absent(&engine.cache, key, &why));
	/* A value with more time than that was stored by another. */
	engine_call("PSETEX", "k:1", "600000", "theirs");
	ck_assert(!load_fails(take().token, &failure));
	ck_assert(is_there());
}

START_TEST(a_failed_load_is_reported_and_an_absence_remembered)
{
	engine_run("", told);
	engine_run("", remembered);
}
END_TEST

TEST_SUITE("lease", a_lease_is_read_whole_or_not_at_all, of_all_callers_that_miss_one_loads,
	an_invalid_token_stores_nothing, what_was_invalidated_during_the_load_does_not_stay,
	without_the_log_nothing_stays, a_write_ends_it_and_only_its_holder_gives_it_back,
	storing_in_steps_behaves_like_the_script, storing_in_steps_leaves_values_of_others_alone,
	a_log_that_keeps_growing_ends_the_store, a_lease_that_can_store_nothing_is_taken_over,
	a_failed_load_is_reported_and_an_absence_remembered)
