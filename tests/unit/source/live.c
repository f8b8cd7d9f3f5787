/* SPDX-License-Identifier: MIT */
#include "live.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../unit.h"
#include "base/mem.h"

struct live live;

unsigned live_open_fds(void)
{
	DIR *folder = opendir("/proc/self/fd");
	unsigned n = 0;

	ck_assert_ptr_nonnull(folder);
	while (readdir(folder))
		n++;
	closedir(folder);
	return n;
}

static void remove_folder(void)
{
	DIR *folder = opendir(live.folder);
	struct dirent *entry;
	char path[400];

	while ((entry = readdir(folder))) {
		snprintf(path, sizeof path, "%s/%s", live.folder, entry->d_name);
		unlink(path);
	}
	closedir(folder);
	ck_assert_int_eq(rmdir(live.folder), 0);
}

static void run_test(void *argument)
{
	void (**test)(void) = argument;

	(*test)();
	loop_stop(live.loop);
}

void live_run(void (*test)(void))
{
	/* libuv keeps a pipe of its own from the first loop on. */
	loop_free(loop_new());
	unsigned fds = live_open_fds();

	/* Grandchildren become ours, so that the wait below sees each one that is left. */
	ck_assert_int_eq(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	strcpy(live.folder, "/tmp/cw-source-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(live.folder));
	live.loop = loop_new();
	fiber_group_init(&live.group, "test", live.loop);
	live.sources = sources_new(live.loop, NULL, NULL);
	fiber_spawn(&live.group, "test", run_test, &test);
	loop_run(live.loop);
	sources_free(live.sources);
	loop_free(live.loop);
	remove_folder();
	ck_assert_uint_eq(live_open_fds(), fds);
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	ck_assert_int_eq(errno, ECHILD);
}

static void read_all(struct source *source, struct outcome *o)
{
	struct source_row row;
	bool end = false;

	while (!o->error && !end) {
		o->error = source_next(source, &row, &end, &o->fault);
		if (o->error == ERR_SOURCE_ROW) {
			o->bad++;
			o->error = OK;
			buf_char(&o->rows, '!');
		} else if (!o->error && !end) {
			o->count++;
			if (o->rows.n > 4096)
				continue;
			source_row_json(&row, &o->rows);
			buf_char(&o->rows, ';');
		}
	}
}

struct outcome live_call(const struct source_call *call)
{
	struct outcome o = {.fault.detail = ""};
	struct source *source = NULL;
	int64_t began = clock_mono_ms(), ran_since = unit_now_ms();

	o.error = source_open(live.sources, call, &source, &o.fault);
	if (!o.error)
		read_all(source, &o);
	if (o.error)
		fault_disclose(&o.fault);
	source_close(source);
	o.took_ms = clock_mono_ms() - began;
	o.ran_ms = unit_now_ms() - ran_since;
	buf_char(&o.rows, '\0');
	o.rows.n--;
	return o;
}

struct outcome live_read(const struct conf_source *conf, int64_t timeout_ms)
{
	const struct source_call call = {
		.conf = conf, .deadline = clock_deadline(timeout_ms), .max_row_bytes = 65536};

	return live_call(&call);
}

void outcome_release(struct outcome *o)
{
	buf_release(&o->rows);
}

void live_expect(
	const struct conf_source *conf, const char *rows, enum error error, const char *detail)
{
	struct outcome o = live_read(conf, 60000);

	ck_assert_str_eq(o.rows.p, rows);
	ck_assert_msg(o.error == error, "%s: %s", error_code(o.error), o.fault.detail);
	ck_assert_msg(strstr(o.fault.detail, detail) != NULL, "%s", o.fault.detail);
	outcome_release(&o);
}

char *live_file(const char *name, struct slice bytes)
{
	char *path = mem_printf("%s/%s", live.folder, name);
	FILE *file = fopen(path, "w");

	ck_assert_ptr_nonnull(file);
	ck_assert_uint_eq(fwrite(bytes.p, 1, bytes.n, file), bytes.n);
	ck_assert_int_eq(fclose(file), 0);
	return path;
}
