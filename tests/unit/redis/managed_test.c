/* SPDX-License-Identifier: MIT */
#include "redis/managed.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../unit.h"
#include "base/fiber.h"
#include "redis/info.h"
#include "server.h"
#include "store/store.h"

static struct loop *loop;
static struct fiber_group group;
static struct redis_managed *managed;
static struct store *store;
static struct server server;
static char parent[64];

static struct conf_redis conf = {
	.kind = REDIS_URL_UNIX,
	.database = 20,
	.connect_timeout_ms = 1000,
	.command_timeout_ms = 2000,
	.breaker_failures = 5,
	.breaker_probe_every_ms = 1000,
	.managed_maxmemory = 64 << 20,
	.managed_policy = "allkeys-lru",
};

static void open_all(void)
{
	struct redis_node_options options = {.loop = loop, .conf = &conf};
	struct fault fault;

	ck_assert_msg(redis_managed_start(loop, &conf, &managed, &fault) == OK, "%s", fault.detail);
	conf.path = (char *)redis_managed_socket(managed);
	store = store_new(&options);
}

static void await_service(void)
{
	int64_t began = unit_now_ms();

	while (store_command(store, SLICE(""), NULL, NULL, SLICE("PING")) != OK) {
		ck_assert_soon(began, 5000);
		fiber_sleep(5);
	}
}

static void script(void *argument)
{
	void (*function)(void) = *(void (**)(void))argument;

	function();
	store_free(store);
	redis_managed_stop(managed);
	loop_stop(loop);
}

static void run(void (*function)(void))
{
	snprintf(parent, sizeof parent, "/tmp/cw-unit-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(parent));
	setenv("RUNTIME_DIRECTORY", parent, 1);
	loop = loop_new();
	fiber_group_init(&group, "test", loop);
	open_all();
	fiber_spawn(&group, "script", script, &function);
	loop_run(loop);
	loop_free(loop);
	/* Nothing is left in it. */
	ck_assert_int_eq(rmdir(parent), 0);
}

static pid_t server_pid(void)
{
	struct redis_value *value = NULL;
	struct redis_info info;

	ck_assert_int_eq(store_command(store, SLICE(""), &value, NULL, SLICE("INFO")), OK);
	redis_info_parse(value->text, 0, &info);
	pid_t pid = (pid_t)info.process_id;

	redis_value_free(value);
	redis_info_release(&info);
	return pid;
}

static void check_setting(const char *name, const char *wanted)
{
	struct redis_value *value = NULL;

	ck_assert_int_eq(store_command(store, SLICE(""), &value, NULL, SLICE("CONFIG"),
				 SLICE("GET"), slice_str(name)),
		OK);
	ck_assert(slice_is(redis_value_item(value, 1), wanted));
	redis_value_free(value);
}

static void settings(void)
{
	struct stat stat_buffer;

	await_service();
	check_setting("maxmemory", "67108864");
	check_setting("maxmemory-policy", "allkeys-lru");
	check_setting("save", "");
	check_setting("appendonly", "no");
	check_setting("port", "0");
	ck_assert_int_eq(stat(conf.path, &stat_buffer), 0);
	ck_assert_int_eq(stat_buffer.st_mode & 0777, 0700);
	char folder[128];

	snprintf(folder, sizeof folder, "%.*s", (int)(strrchr(conf.path, '/') - conf.path),
		conf.path);
	ck_assert_int_eq(stat(folder, &stat_buffer), 0);
	ck_assert_int_eq(stat_buffer.st_mode & 0777, 0700);
}

TEST_CALL(a_private_server_runs_with_its_settings_and_leaves_nothing, run(settings))

static void dies(void)
{
	await_service();
	pid_t first = server_pid();

	kill(first, SIGKILL);
	fiber_sleep(20);
	await_service();
	ck_assert(!redis_managed_starting(managed));
	ck_assert_int_ne(server_pid(), first);
}

TEST_CALL(a_server_that_dies_is_started_again, run(dies))

static void hangs(void)
{
	await_service();
	pid_t pid = server_pid();
	int64_t began = clock_mono_ms(), began_here = unit_now_ms();

	store_free(store);
	store = NULL;
	kill(pid, SIGSTOP);
	redis_managed_stop(managed);
	managed = NULL;
	ck_assert_int_ge(clock_mono_ms() - began, 1900);
	ck_assert_soon(began_here, 3000);
	ck_assert_int_ne(kill(pid, 0), 0);
}

TEST_CALL(a_server_that_hangs_is_killed, run(hangs))

static void remove_parent(void)
{
	char command[96];

	snprintf(command, sizeof command, "/bin/rm -r %s", parent);
	ck_assert_int_eq(system(command), 0);
}

/* In a process of its own, which is killed when the server's number has come through the pipe. */
static void tell_pid(void *argument)
{
	int fd = *(int *)argument;

	await_service();
	pid_t pid = server_pid();

	if (write(fd, &pid, sizeof pid) != sizeof pid)
		_exit(1);
	fiber_sleep(60000);
}

START_TEST(a_server_ends_with_a_killed_daemon)
{
	int fds[2];
	pid_t pid;

	ck_assert_int_eq(pipe(fds), 0);
	/* What the daemon leaves behind becomes this process's: not every process 1 reaps. */
	ck_assert_int_eq(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	snprintf(parent, sizeof parent, "/tmp/cw-unit-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(parent));
	conf.managed_directory = parent;
	pid_t daemon = fork();

	if (daemon == 0) {
		loop = loop_new();
		fiber_group_init(&group, "test", loop);
		open_all();
		fiber_spawn(&group, "tell", tell_pid, &fds[1]);
		loop_run(loop);
		_exit(1);
	}
	ck_assert_int_eq(read(fds[0], &pid, sizeof pid), sizeof pid);
	kill(daemon, SIGKILL);
	waitpid(daemon, NULL, 0);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	remove_parent();
}
END_TEST

static void end_of_leftover(void)
{
	await_service();
	ck_assert_int_ne(server_pid(), server.pid);
	ck_assert_int_eq(waitpid(server.pid, NULL, 0), server.pid);
}

static void check_leftover(int signal)
{
	server_start(&server, NULL, NULL);
	server_signal(&server, signal);
	conf.managed_directory = server.folder;
	loop = loop_new();
	fiber_group_init(&group, "test", loop);
	open_all();
	ck_assert_str_eq(conf.path, server.socket);
	void (*function)(void) = end_of_leftover;

	fiber_spawn(&group, "script", script, &function);
	loop_run(loop);
	loop_free(loop);
	ck_assert_int_eq(rmdir(server.folder), 0);
}

TEST_CALL(a_leftover_on_the_socket_is_shut_down_first, check_leftover(SIGCONT))

TEST_CALL(a_leftover_that_hangs_is_killed, check_leftover(SIGSTOP))

START_TEST(a_folder_is_used_by_one_daemon_at_a_time)
{
	struct redis_managed *second = NULL;
	struct fault fault;

	snprintf(parent, sizeof parent, "/tmp/cw-unit-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(parent));
	conf.managed_directory = parent;
	loop = loop_new();
	open_all();
	ck_assert_int_eq(redis_managed_start(loop, &conf, &second, &fault), ERR_BAD_CONFIG);
	ck_assert_ptr_nonnull(strstr(fault.detail, "in use"));
	setenv("PATH", "/nonexistent", 1);
	ck_assert_int_eq(redis_managed_start(loop, &conf, &second, &fault), ERR_BAD_CONFIG);
	ck_assert_ptr_nonnull(strstr(fault.detail, "valkey-server"));
	remove_parent();
}
END_TEST

START_TEST(a_server_counts_as_starting_for_five_seconds)
{
	struct clock_fake fake = {.mono_ns = 1000000000};

	snprintf(parent, sizeof parent, "/tmp/cw-unit-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(parent));
	conf.managed_directory = parent;
	loop = loop_new();
	clock_use_fake(&fake);
	open_all();
	fake.mono_ns += 4999 * INT64_C(1000000);
	ck_assert(redis_managed_starting(managed));
	fake.mono_ns += 1000000;
	ck_assert(!redis_managed_starting(managed));
	remove_parent();
}
END_TEST

TEST_SUITE("managed", a_server_counts_as_starting_for_five_seconds,
	a_private_server_runs_with_its_settings_and_leaves_nothing,
	a_server_that_dies_is_started_again, a_server_that_hangs_is_killed,
	a_server_ends_with_a_killed_daemon, a_leftover_on_the_socket_is_shut_down_first,
	a_leftover_that_hangs_is_killed, a_folder_is_used_by_one_daemon_at_a_time)
