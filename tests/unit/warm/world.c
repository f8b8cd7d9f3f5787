/* SPDX-License-Identifier: MIT */
#include "world.h"
#include "engine/engine.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../unit.h"
#include "api/warm_jobs.h"
#include "base/mem.h"
#include "text/json.h"

struct world world;

static void run_test(void *argument)
{
	void (**test)(void) = argument;

	(*test)();
	loop_stop(world.loop);
}

static void remove_files(void)
{
	DIR *folder = opendir(world.server.folder);
	struct dirent *entry;
	char path[400];

	while ((entry = readdir(folder))) {
		snprintf(path, sizeof path, "%s/%s", world.server.folder, entry->d_name);
		unlink(path);
	}
	closedir(folder);
}

void world_run(void (*test)(void), const char *option, const char *value)
{
	char path[400];

	/* As main() does: a server that was killed is an error, no signal. */
	signal(SIGPIPE, SIG_IGN);
	server_start(&world.server, option, value);
	snprintf(path, sizeof path, "%s/log", world.server.folder);
	FILE *file = fopen(path, "w+");
	ck_assert_ptr_nonnull(file);
	world.log_fd = fileno(file);
	world.log = log_new(world.log_fd);
	world.loop = loop_new();
	fiber_group_init(&world.group, "test", world.loop);
	fiber_spawn(&world.group, "test", run_test, &test);
	loop_run(world.loop);
	loop_free(world.loop);
	log_free(world.log);
	fclose(file);
	remove_files();
	server_end(&world.server);
}

const char *world_log(void)
{
	static char text[65536];
	ssize_t n = pread(world.log_fd, text, sizeof text - 1, 0);

	ck_assert_int_ge(n, 0);
	text[n] = '\0';
	return text;
}

const char *world_file(const char *name, const char *text)
{
	static char path[400];

	snprintf(path, sizeof path, "%s/%s", world.server.folder, name);
	FILE *file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	fputs(text, file);
	fclose(file);
	return path;
}

static struct conf *load(const char *jobs)
{
	struct buf text = {0}, faults = {0};
	struct conf *conf = NULL;

	buf_printf(&text, "redis: {url: \"unix://%s\"}\nwarm:\n  jobs:\n%s\n", world.server.socket,
		jobs);
	ck_assert_msg(
		conf_load(world_file("conf.yaml", text.p), &conf, &faults) == OK, "%s", faults.p);
	buf_release(&text);
	buf_release(&faults);
	return conf;
}

void daemon_begin(struct daemon *daemon, const char *jobs)
{
	daemon->conf = load(jobs);
	daemon->bus = event_bus_new();
	daemon->metrics = metrics_new();
	daemon->store = store_new(&(struct redis_node_options){.loop = world.loop,
		.bus = daemon->bus,
		.metrics = daemon->metrics,
		.conf = &daemon->conf->redis});
	engine_init(&daemon->engine, world.loop, daemon->bus, daemon->metrics, daemon->store,
		daemon->conf);
	daemon->sources = sources_new(world.loop, NULL, NULL);
	daemon->warm = warm_new(&daemon->engine, world.log, daemon->sources);
}

void daemon_end(struct daemon *daemon)
{
	warm_stop(daemon->warm);
	engine_stop(&daemon->engine, clock_deadline(10000));
	warm_free(daemon->warm);
	sources_free(daemon->sources);
	engine_release(&daemon->engine);
	store_free(daemon->store);
	metrics_free(daemon->metrics);
	event_bus_free(daemon->bus);
	conf_unref(daemon->conf);
}

enum error daemon_reload(struct daemon *daemon, const char *jobs, struct fault *fault)
{
	struct conf *next = load(jobs);
	enum error error = warm_prepare(daemon->warm, next, fault);

	if (!error) {
		engine_configure(&daemon->engine, next);
		warm_commit(daemon->warm, next);
		conf_unref(daemon->conf);
		daemon->conf = conf_ref(next);
	}
	conf_unref(next);
	return error;
}

cJSON *operation_document(struct operation *operation)
{
	struct operation_view view;

	operation_view(operation, &view);
	cJSON *json = operation_record_json(&view);
	operation_view_release(&view);
	return json;
}

cJSON *daemon_warm(struct daemon *daemon, const char *job)
{
	static const struct identity who = {.name = "tester", .scopes = SCOPE_WARM};
	struct warm_started started;
	struct fault fault = {0};

	ck_assert_msg(warm_start(daemon->warm, slice_str(job), &who, NULL, &started, &fault) == OK,
		"%s: %s", job, fault.detail);
	ck_assert(!started.already_running);
	ck_assert_int_eq(operation_wait(started.operation, clock_deadline(60000)), OK);
	cJSON *json = operation_document(started.operation);
	warm_started_release(&started);
	return json;
}

cJSON *daemon_jobs(struct daemon *daemon)
{
	cJSON *json = cJSON_CreateObject();

	cJSON_AddItemToObject(json, "jobs", api_warm_jobs(daemon->warm, NULL, true));
	return json;
}

static void add_reply(struct buf *out, const struct redis_value *reply)
{
	if (reply->type == REDIS_NIL)
		buf_str(out, "nil");
	else if (reply->type == REDIS_INTEGER)
		buf_int(out, reply->integer);
	else if (reply->type == REDIS_ARRAY)
		for (size_t i = 0; i < reply->count; i++) {
			buf_str(out, i ? " " : "");
			add_reply(out, reply->items[i]);
		}
	else
		buf_add(out, reply->text);
}

const char *redis(struct daemon *daemon, const char *command)
{
	static char text[65536];
	char *words = mem_strdup(command), *save = NULL;
	struct slice argv[32];
	size_t argc = 0;
	struct buf out = {0};
	struct fault fault = {0};
	struct redis_batch *batch = redis_batch_new();

	for (char *word = strtok_r(words, " ", &save); word; word = strtok_r(NULL, " ", &save))
		argv[argc++] = slice_str(word);
	redis_batch_add(batch, argc, argv);
	ck_assert_msg(redis_node_run(store_node(daemon->store, argv[0]), REDIS_COMMANDS, batch,
			      clock_deadline(10000), &fault) == OK,
		"%s: %s", command, fault.detail);
	add_reply(&out, redis_batch_reply(batch, 0));
	snprintf(text, sizeof text, "%s", out.n ? out.p : "");
	buf_release(&out);
	redis_batch_free(batch);
	mem_free(words);
	return text;
}

const char *member(const cJSON *object, const char *path)
{
	static char text[8192];
	char *names = mem_strdup(path), *save = NULL;
	struct buf out = {0};

	for (char *name = strtok_r(names, "/", &save); name && object;
		name = strtok_r(NULL, "/", &save))
		object = cJSON_IsArray(object) ? cJSON_GetArrayItem(object, atoi(name))
					       : cJSON_GetObjectItemCaseSensitive(object, name);
	if (object)
		json_print(object, &out);
	snprintf(text, sizeof text, "%s", object ? out.p : "none");
	buf_release(&out);
	mem_free(names);
	return text;
}
