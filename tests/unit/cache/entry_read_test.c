/* SPDX-License-Identifier: MIT */
/* What entries make of answers that no test could get from a real Redis on purpose. */
#include <string.h>

#include "../redis/fake.h"
#include "../unit.h"
#include "cache/entry.h"
#include "config.h"
#include "engine/engine.h"
#include "text/json.h"

static struct engine engine;
static struct fault fault;

/* Each question ends with the text that is waited for; then comes the answer. */
struct turn {
	const char *asked, *answer;
};

static void serve(int fd, const struct turn *turns, size_t count)
{
	if (!fake_greet(fd))
		return;
	for (size_t i = 0; i < count && fake_await(fd, turns[i].asked); i++)
		fake_say(fd, turns[i].answer, strlen(turns[i].answer));
	fake_await(fd, "never");
}

static void script_fiber(void *argument)
{
	void (*script)(void) = *(void (**)(void))argument;
	struct loop *loop = engine.cache.loop;

	for (int i = 0; i < 200 && store_state(engine.cache.store).status != REDIS_UP; i++)
		fiber_sleep(10);
	script();
	engine_stop(&engine, clock_deadline(10000));
	store_free(engine.cache.store);
	loop_stop(loop);
}

static void run(fake_serve *server, void (*script)(void))
{
	struct fiber_group group;
	struct fake fake;
	struct buf yaml = {0};

	fake_start(&fake, server);
	buf_printf(&yaml, "redis: {url: \"unix://%s\"}\n", fake.socket);
	struct conf *conf = config_of(yaml.p);
	struct loop *loop = loop_new();
	struct event_bus *bus = event_bus_new();
	struct redis_node_options options = {
		.loop = loop, .bus = bus, .metrics = NULL, .conf = &conf->redis};
	engine_init(&engine, loop, bus, NULL, store_new(&options), conf);
	fiber_group_init(&group, "test", loop);
	fiber_spawn(&group, "script", script_fiber, &script);
	loop_run(loop);
	engine_release(&engine);
	conf_unref(conf);
	loop_free(loop);
	event_bus_free(bus);
	buf_release(&yaml);
	fake_end(&fake);
}

static enum error read_one(struct entry *entry)
{
	return entry_read(&engine.cache, SLICE("key"), entry, &fault);
}

#define SERVE(name, ...) \
	static void name(int fd, int number) \
	{ \
		static const struct turn turns[] = {__VA_ARGS__}; \
		(void)number; \
		serve(fd, turns, sizeof turns / sizeof *turns); \
	}

#define EMPTY	 "$0\r\n\r\n"
#define NO_MARK	 ":-2\r\n"
#define QUEUED	 "+OK\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n"
#define FIRST	 "1052736\r\n" /* the bound that GETRANGE has for 1 MiB */
#define ASK_ONCE "EXEC\r\n"

SERVE(went_in_between, {FIRST, NO_MARK ":-1\r\n" EMPTY},
	{ASK_ONCE, QUEUED "*3\r\n" NO_MARK ":-2\r\n" EMPTY})

static void absent(void)
{
	struct entry entry;

	ck_assert_int_eq(read_one(&entry), OK);
	ck_assert_ptr_null(entry.reply);
	ck_assert_uint_eq(engine.cache.misses, 1);
	ck_assert_uint_eq(engine.cache.hits, 0);
}

TEST_CALL(a_key_that_goes_between_the_two_commands_is_absent, run(went_in_between, absent))

SERVE(came_in_between, {FIRST, NO_MARK ":-2\r\n$5\r\nvalue\r\n"})

TEST_CALL(a_key_that_comes_between_the_two_commands_is_absent, run(came_in_between, absent))

SERVE(really_empty, {FIRST, NO_MARK ":5000\r\n" EMPTY},
	{ASK_ONCE, QUEUED "*3\r\n" NO_MARK ":4000\r\n" EMPTY})

static void empty(void)
{
	struct entry entry;

	ck_assert_int_eq(read_one(&entry), OK);
	ck_assert_ptr_nonnull(entry.reply);
	ck_assert_uint_eq(entry.stored.n, 0);
	ck_assert_int_eq(entry.ttl_ms, 4000);
	ck_assert_uint_eq(engine.cache.hits, 1);
	entry_release(&entry);
}

TEST_CALL(an_empty_value_is_a_value, run(really_empty, empty))

SERVE(replaced, {FIRST, NO_MARK ":5000\r\n" EMPTY},
	{ASK_ONCE, QUEUED "*3\r\n" NO_MARK ":4000\r\n$1\r\nn\r\n"},
	{FIRST, NO_MARK ":3000\r\n$3\r\nnew\r\n"})

static void new_value(void)
{
	struct entry entry;

	ck_assert_int_eq(read_one(&entry), OK);
	ck_assert(slice_is(entry.stored, "new"));
	ck_assert_int_eq(entry.ttl_ms, 3000);
	ck_assert_uint_eq(engine.cache.gets, 1);
	entry_release(&entry);
}

TEST_CALL(a_value_that_comes_meanwhile_is_read, run(replaced, new_value))

SERVE(odd_types, {FIRST, NO_MARK "+OK\r\n$1\r\nx\r\n"}, {FIRST, NO_MARK ":1\r\n:1\r\n"},
	{FIRST, NO_MARK ":5000\r\n" EMPTY}, {ASK_ONCE, QUEUED "*1\r\n:1\r\n"})

static void protocol(void)
{
	struct entry entry;

	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(read_one(&entry), ERR_REDIS_PROTOCOL);
	ck_assert_uint_eq(engine.cache.gets, 0);
}

TEST_CALL(replies_of_other_types_are_reported, run(odd_types, protocol))

SERVE(refusals, {FIRST, "-LOADING soon\r\n-LOADING soon\r\n-LOADING soon\r\n"},
	{FIRST, NO_MARK ":1\r\n-WRONGTYPE it is a list\r\n"}, {FIRST, NO_MARK ":5000\r\n" EMPTY},
	{ASK_ONCE, "+OK\r\n-ERR no\r\n-ERR no\r\n-ERR no\r\n-EXECABORT no\r\n"})

static void refused(void)
{
	struct entry entry;

	ck_assert_int_eq(read_one(&entry), ERR_REDIS_LOADING);
	ck_assert_int_eq(read_one(&entry), ERR_WRONG_TYPE);
	ck_assert_ptr_null(entry.reply);
	ck_assert_int_eq(read_one(&entry), ERR_REDIS_ERROR);
}

TEST_CALL(refusals_of_redis_are_reported, run(refusals, refused))

/* A script is on the connection for what may write, which is the last one that is made. */
static void full(int fd, int number)
{
	static const struct turn reads[] = {{FIRST, NO_MARK ":5000\r\n" EMPTY},
		{ASK_ONCE, "+OK\r\n-OOM no\r\n-OOM no\r\n-OOM no\r\n-EXECABORT no\r\n"}};
	static const struct turn writes[] = {
		{"key\r\n$1\r\n0\r\n", "*5\r\n:2\r\n:1\r\n" NO_MARK ":4000\r\n" EMPTY}};

	if (number + 1 == REDIS_CONNECTIONS)
		serve(fd, writes, sizeof writes / sizeof *writes);
	else
		serve(fd, reads, sizeof reads / sizeof *reads);
}

static void empty_by_script(void)
{
	struct entry entry;

	ck_assert_int_eq(read_one(&entry), OK);
	ck_assert(entry.reply != NULL && entry.stored.n == 0);
	ck_assert_int_eq(entry.ttl_ms, 4000);
	entry_release(&entry);
}

TEST_CALL(at_maxmemory_a_script_reads_an_empty_value, run(full, empty_by_script))

TEST_SUITE("entry_read", a_key_that_goes_between_the_two_commands_is_absent,
	a_key_that_comes_between_the_two_commands_is_absent, an_empty_value_is_a_value,
	a_value_that_comes_meanwhile_is_read, replies_of_other_types_are_reported,
	refusals_of_redis_are_reported, at_maxmemory_a_script_reads_an_empty_value)
