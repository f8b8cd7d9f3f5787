/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../unit.h"
#include "base/mem.h"
#include "live.h"

/* The script runs as `sh -c SCRIPT sh FOLDER`. */
static struct conf_source shell(char **argv, const char *script)
{
	argv[0] = "/bin/sh";
	argv[1] = "-c";
	argv[2] = (char *)script;
	argv[3] = "sh";
	argv[4] = live.folder;
	argv[5] = NULL;
	return (struct conf_source){.type = SOURCE_COMMAND,
		.breaker_failures = CONF_BREAKER_FAILURES,
		.breaker_open_ms = CONF_BREAKER_OPEN_MS,
		.name = "c",
		.format = FORMAT_JSONL,
		.argv = argv,
		.argc = 5};
}

static void expect_shell(const char *script, const char *rows, enum error error, const char *detail)
{
	char *argv[6];
	struct conf_source conf = shell(argv, script);

	live_expect(&conf, rows, error, detail);
}

/* The number that a script wrote to $1/pid. */
static pid_t written_pid(void)
{
	char *path = mem_printf("%s/pid", live.folder);
	FILE *file = fopen(path, "r");
	int pid = 0;

	ck_assert_ptr_nonnull(file);
	ck_assert_int_eq(fscanf(file, "%d", &pid), 1);
	fclose(file);
	free(path);
	return pid;
}

/* Dead and reaped. */
static bool is_gone(pid_t pid)
{
	return kill(pid, 0) != 0 && errno == ESRCH;
}

static void outputs(void)
{
	struct conf_source missing = {.type = SOURCE_COMMAND,
		.breaker_failures = CONF_BREAKER_FAILURES,
		.breaker_open_ms = CONF_BREAKER_OPEN_MS,
		.name = "m",
		.argv = (char *[]){"/nowhere/program", NULL},
		.argc = 1};

	expect_shell("echo '{\"a\":1}'; printf 2", "{\"a\":1};2;", OK, "");
	expect_shell("true", "", OK, "");
	expect_shell("echo 1; echo some trouble >&2; exit 3", "1;", ERR_SOURCE_FAILED,
		"source c: /bin/sh exited with status 3 and said: some trouble");
	expect_shell("(sleep 0.05; echo late >&2) & exit 3", "", ERR_SOURCE_FAILED, "said: late");
	expect_shell("exit 4", "", ERR_SOURCE_FAILED, "exited with status 4");
	expect_shell("kill -9 $$", "", ERR_SOURCE_FAILED, "was ended by signal 9");
	expect_shell("echo 1 >/dev/stdout; cat", "1;", OK, "");
	live_expect(&missing, "", ERR_SOURCE_FAILED,
		"source m: cannot run /nowhere/program: no such file or directory");
}

TEST_CALL(the_exit_status_of_a_command_decides_its_outcome, live_run(outputs))

static void long_stderr(void)
{
	char *argv[6];
	struct conf_source conf = shell(argv,
		"i=0; while [ $i -lt 20000 ]; do echo \"line $i\" >&2; i=$((i+1)); done; exit 1");
	struct outcome o = live_read(&conf, 10000);

	ck_assert_int_eq(o.error, ERR_SOURCE_FAILED);
	ck_assert_ptr_nonnull(strstr(o.fault.detail, "line 19999"));
	outcome_release(&o);
}

TEST_CALL(the_end_of_standard_error_is_quoted, live_run(long_stderr))

static void times_out(const char *script, int64_t deadline_ms, int64_t at_least, int64_t at_most)
{
	char *argv[6];
	struct conf_source conf = shell(argv, script);
	struct outcome o = live_read(&conf, deadline_ms);

	ck_assert_int_eq(o.error, ERR_TIMEOUT);
	ck_assert_int_ge(o.took_ms, at_least);
	ck_assert_int_le(o.ran_ms, 3 * at_most);
	ck_assert(is_gone(written_pid()));
	outcome_release(&o);
}

static void deadlines(void)
{
	times_out("echo $$ >$1/pid; exec sleep 100", 300, 300, 2200);
	times_out("echo $$ >$1/pid; exec >&-; exec sleep 100", 300, 300, 2200);
	times_out("echo $$ >$1/pid; kill -STOP $$", 300, 300, 2200);
	/* Time enough for a busy machine to reach the trap. */
	times_out("trap '' TERM; echo $$ >$1/pid; while :; do sleep 1; done", 1500, 3500, 5200);
}

TEST_CALL(the_deadline_ends_a_command, live_run(deadlines))

static void grandchildren(void)
{
	char *argv[6];
	struct conf_source conf = shell(argv, "sleep 100 & echo $! >$1/pid; echo 1; exit 0");
	struct outcome o = live_read(&conf, 2000);

	ck_assert_int_eq(o.error, ERR_TIMEOUT);
	ck_assert_ptr_nonnull(strstr(o.fault.detail, "/bin/sh has exited, but a process"));
	ck_assert_str_eq(o.rows.p, "1;");
	ck_assert(is_gone(written_pid()));
	outcome_release(&o);
	conf = shell(argv, "(trap '' TERM; sleep 100) & echo $! >$1/pid; echo 2; exit 0");
	o = live_read(&conf, 2000);
	ck_assert_int_eq(o.error, ERR_TIMEOUT);
	ck_assert_str_eq(o.rows.p, "2;");
	ck_assert(is_gone(written_pid()));
	outcome_release(&o);
	/* What goes on without its output is no part of it; what has failed is not waited for. */
	expect_shell("sleep 100 >/dev/null 2>&1 & echo 3; exit 0", "3;", OK, "");
	expect_shell("sleep 100 & echo 4; exit 5", "4;", ERR_SOURCE_FAILED, "status 5");
}

TEST_CALL(a_grandchild_that_holds_the_output_may_still_write, live_run(grandchildren))

static void late_output(void)
{
	expect_shell("(for i in 1 2 3; do sleep 0.4; echo $i; done) & exit 0", "1;2;3;", OK, "");
}

TEST_CALL(output_after_the_exit_belongs_to_the_command, live_run(late_output))

static void for_ever(void)
{
	char *argv[6];
	struct conf_source conf = shell(argv, "echo $$ >$1/pid; while :; do echo 12345678; done");
	struct source_call call = {.conf = &conf,
		.deadline = clock_deadline(10000),
		.max_row_bytes = 1000,
		.max_total_bytes = 1000000};
	struct outcome o = live_call(&call);

	ck_assert_int_eq(o.error, ERR_SOURCE_FAILED);
	ck_assert_ptr_nonnull(strstr(o.fault.detail, "/bin/sh wrote more than 1000000 bytes"));
	ck_assert(is_gone(written_pid()));
	outcome_release(&o);
	conf.argv[2] = "echo $$ >$1/pid; while :; do echo 12345678 >&2; done";
	call.deadline = clock_deadline(300);
	o = live_call(&call);
	ck_assert_int_eq(o.error, ERR_TIMEOUT);
	ck_assert(is_gone(written_pid()));
	outcome_release(&o);
}

TEST_CALL(endless_output_is_cut_off, live_run(for_ever))

static void slow_reader(void)
{
	char *argv[6];
	struct conf_source conf = shell(argv,
		"i=0; while [ $i -lt 100000 ]; do echo $i; i=$((i+1)); done; echo done >$1/done");
	char *done = mem_printf("%s/done", live.folder);
	struct source_call call = {
		.conf = &conf, .deadline = clock_deadline(20000), .max_row_bytes = 1000};
	struct source *source;
	struct source_row row;
	uint64_t rows = 0;
	bool end = false;

	ck_assert_int_eq(source_open(live.sources, &call, &source, NULL), OK);
	ck_assert_int_eq(source_next(source, &row, &end, NULL), OK);
	fiber_sleep(1500);
	/* 589 kB do not fit into a pipe and one chunk. */
	ck_assert_int_ne(access(done, F_OK), 0);
	for (; !end; rows++)
		ck_assert_int_eq(source_next(source, &row, &end, NULL), OK);
	ck_assert_uint_eq(rows, 100000);
	ck_assert_int_eq(access(done, F_OK), 0);
	source_close(source);
	free(done);
}

TEST_CALL(a_slow_reader_slows_the_command, live_run(slow_reader))

static void surroundings(void)
{
	/* As if a library had opened one without care. */
	int careless = socket(AF_UNIX, SOCK_STREAM, 0);

	setenv("SECRET", "x", 1);
	setenv("LANG", "C", 1);
	/* ls itself opens the fourth. */
	expect_shell(
		"ls /proc/self/fd | tr '\\n' ' ' | sed 's/.*/\"&\"/'", "\"0 1 2 3 \";", OK, "");
	expect_shell("readlink /proc/self/fd/0 | sed 's/.*/\"&\"/'", "\"/dev/null\";", OK, "");
	expect_shell("env | grep -vE '^(PATH|HOME|TZ|PWD|SHLVL|_|OLDPWD)=' | sed 's/.*/\"&\"/'",
		"\"LANG=C\";", OK, "");
	expect_shell("[ $(ps -o pgid= $$) = $$ ] && echo 1", "1;", OK, "");
	close(careless);
}

TEST_CALL(a_command_inherits_neither_descriptors_nor_secrets, live_run(surroundings))

static void parameters(void)
{
	char *argv[] = {"/bin/echo", "[\"{id}\",", "{id}", "]", NULL};
	struct conf_source conf = {.type = SOURCE_COMMAND,
		.breaker_failures = CONF_BREAKER_FAILURES,
		.breaker_open_ms = CONF_BREAKER_OPEN_MS,
		.name = "p",
		.argv = argv,
		.argc = 4,
		.format = FORMAT_JSONL};
	struct source_param param = {
		.name = SLICE("id"), .value = SLICE("\"; touch /tmp/x $(x)\"")};
	struct source_call call = {.conf = &conf,
		.params = &param,
		.param_count = 1,
		.deadline = clock_deadline(5000),
		.max_row_bytes = 1000};
	const struct slice refused[] = {SLICE("-rf"), SLICE(""), SLICE("a\0b")};
	struct outcome o = live_call(&call);

	ck_assert_str_eq(o.rows.p, "[\"{id}\", \"; touch /tmp/x $(x)\" ];");
	outcome_release(&o);
	for (size_t i = 0; i < 3; i++) {
		param.value = refused[i];
		o = live_call(&call);
		ck_assert_int_eq(o.error, ERR_BAD_PARAMETER);
		outcome_release(&o);
	}
}

TEST_CALL(a_parameter_is_one_argument, live_run(parameters))

static void read_for_ever(void *argument)
{
	struct conf_source *conf = argument;
	struct outcome o = live_read(conf, 60000);

	ck_assert_int_eq(o.error, ERR_CANCELLED);
	outcome_release(&o);
}

static void cancel(const char *script)
{
	char *argv[6];
	struct conf_source conf = shell(argv, script);
	struct fiber_group others;

	fiber_group_init(&others, "test", live.loop);
	fiber_spawn(&others, "reads", read_for_ever, &conf);
	fiber_sleep(300);
	fiber_group_cancel(&others);
	ck_assert_int_eq(fiber_group_join(&others, clock_deadline(20000)), OK);
	ck_assert(is_gone(written_pid()));
}

static void cancels(void)
{
	cancel("echo $$ >$1/pid; exec sleep 100");
	cancel("trap '' TERM; echo $$ >$1/pid; while :; do sleep 1; done");
}

TEST_CALL(a_cancelled_fiber_ends_its_command, live_run(cancels))

TEST_SUITE("source_command", the_exit_status_of_a_command_decides_its_outcome,
	the_end_of_standard_error_is_quoted, the_deadline_ends_a_command,
	a_grandchild_that_holds_the_output_may_still_write,
	output_after_the_exit_belongs_to_the_command, endless_output_is_cut_off,
	a_slow_reader_slows_the_command, a_command_inherits_neither_descriptors_nor_secrets,
	a_parameter_is_one_argument, a_cancelled_fiber_ends_its_command)
