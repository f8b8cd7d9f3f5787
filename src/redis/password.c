/* SPDX-License-Identifier: MIT */
/* Runs redis.password_command; see password.h. Its output is a secret: it is in no message. */
#include "redis/password.h"

#include <string.h>

#include "base/fiber.h"
#include "base/mem.h"
#include "base/program.h"
#include "base/spawn.h"
#include "conf/file.h"

enum { min_delay_ms = 1000, max_delay_ms = 10000 };

struct password {
	struct fiber_group group;
	bool running;
	char **argv; /* NULL = none */
	struct password_wait *first;
	struct fault failure; /* of the last run; OK = it has succeeded */
	unsigned failures;    /* in a row */
	int64_t retry_at_ms;  /* not to be run before */
};

struct password *password_new(struct loop *loop)
{
	struct password *password = mem_new(struct password);

	fiber_group_init(&password->group, "password", loop);
	return password;
}

static void forget_command(struct password *password)
{
	if (password->argv)
		program_free_texts(password->argv);
	password->argv = NULL;
}

void password_free(struct password *password)
{
	if (!password)
		return;
	fiber_group_stop(&password->group);
	forget_command(password);
	mem_free(password);
}

static bool same(char **a, char **b)
{
	size_t i = 0;

	if (!a || !b)
		return a == b;
	while (a[i] && b[i] && strcmp(a[i], b[i]) == 0)
		i++;
	return !a[i] && !b[i];
}

static char **copy_texts(char **from)
{
	size_t n = 0;

	while (from[n])
		n++;
	char **to = mem_array(n + 1, sizeof *to);

	for (size_t i = 0; i < n; i++)
		to[i] = mem_strdup(from[i]);
	return to;
}

void password_configure(struct password *password, char **argv)
{
	if (same(password->argv, argv))
		return;
	forget_command(password);
	password->argv = argv ? copy_texts(argv) : NULL;
	password->failures = 0;
	password->retry_at_ms = 0;
	fault_set(&password->failure, ERR_REDIS_AUTH,
		"redis.password_command was removed before it was run");
}

bool password_has_command(const struct password *password)
{
	return password && password->argv;
}

static enum error refuse(struct fault *fault, const char *program, const char *what)
{
	return fault_set(fault, ERR_REDIS_AUTH, "redis.password_command: %.100s %s", program, what);
}

/* One line; its end is cut off. */
static enum error judge_output(struct buf *out, const char *program, struct fault *fault)
{
	if (out->n && out->p[out->n - 1] == '\n')
		out->p[--out->n] = '\0';
	if (out->n && out->p[out->n - 1] == '\r')
		out->p[--out->n] = '\0';
	if (out->n == 0)
		return refuse(fault, program, "has printed no password on its standard output");
	if (memchr(out->p, '\n', out->n))
		return refuse(fault, program,
			"has printed more than one line: only the password is expected");
	return memchr(out->p, '\0', out->n) ? refuse(fault, program, "has printed a NUL byte") : OK;
}

static enum error judge_exit(
	struct spawn *spawn, const char *program, int64_t deadline, struct fault *fault)
{
	char said[200];
	int64_t status;
	int signal;
	enum error error = spawn_wait(spawn, deadline, &status, &signal);

	if (error || (status == 0 && signal == 0))
		return error;
	spawn_said(spawn, true, said, sizeof said);
	fault_set(fault, ERR_REDIS_AUTH, "redis.password_command: %.100s %s %lld", program,
		signal ? "was ended by signal" : "exited with status",
		signal ? (long long)signal : (long long)status);
	if (*said)
		fault_aside(fault, " and said: %s", said);
	return ERR_REDIS_AUTH;
}

static enum error read_output(
	struct spawn *spawn, const char *program, struct buf *out, struct fault *fault)
{
	int64_t deadline = clock_deadline(PASSWORD_RUN_MS);
	struct slice piece = {0};
	enum error error;

	do {
		error = spawn_read(spawn, deadline, &piece);
		if (out->n + piece.n > PASSWORD_MAX_BYTES)
			return refuse(fault, program,
				"has printed more than 4096 bytes: only the password is expected");
		buf_add(out, piece);
	} while (!error && piece.n);
	if (!error)
		error = judge_exit(spawn, program, deadline, fault);
	if (error == ERR_TIMEOUT)
		return refuse(fault, program,
			spawn_exited(spawn)
				? "has exited, but a process that it started still has its output "
				  "open after 5 s"
				: "has not ended within 5 s");
	return error ? error : judge_output(out, program, fault);
}

static void note(struct password *password, enum error error, const struct fault *fault)
{
	int64_t pause_ms = min_delay_ms;

	password->failure = error ? *fault : (struct fault){0};
	if (!error) {
		password->failures = 0;
		return;
	}
	for (unsigned i = 0; i < password->failures && pause_ms < max_delay_ms; i++)
		pause_ms *= 2;
	password->failures++;
	password->retry_at_ms =
		clock_mono_ms() + (pause_ms < max_delay_ms ? pause_ms : max_delay_ms);
}

/* Requests that an answer causes belong to the next run. */
static void answer_all(struct password *password, struct slice text)
{
	struct password_wait *asked = password->first;

	password->first = NULL;
	if (asked)
		asked->at = &asked;
	while (asked) {
		struct password_wait *wait = asked;

		password_forget(wait);
		wait->answered(wait, text, &password->failure);
	}
}

/* False if it was cancelled. Parks. */
static bool run(struct password *password)
{
	/* A reload may exchange the command meanwhile. */
	char **argv = copy_texts(password->argv), **env = program_environment();
	struct buf out = {0};
	struct fault fault = {0};
	struct spawn *spawn = NULL;
	int status = spawn_start(password->group.loop, argv, env, -1, &spawn);
	enum error error;

	if (status)
		error = fault_set(&fault, ERR_REDIS_AUTH,
			"redis.password_command: cannot run %.100s: %s", argv[0],
			uv_strerror(status));
	else
		error = read_output(spawn, argv[0], &out, &fault);
	program_free_texts(argv);
	program_free_texts(env);
	if (error != ERR_CANCELLED) {
		if (error)
			buf_clear(&out);
		note(password, error, &fault);
		answer_all(password, buf_slice(&out));
	}
	file_forget(&out);
	if (spawn)
		spawn_end(spawn);
	return error != ERR_CANCELLED;
}

static void serve(void *argument)
{
	struct password *password = argument;
	bool goes_on = true;

	while (password->first && goes_on) {
		if (!password->argv || clock_mono_ms() < password->retry_at_ms)
			answer_all(password, (struct slice){0});
		else
			goes_on = run(password);
	}
	password->running = false;
}

void password_ask(struct password *password, struct password_wait *wait)
{
	if (wait->at)
		return;
	wait->next = password->first;
	wait->at = &password->first;
	if (wait->next)
		wait->next->at = &wait->next;
	password->first = wait;
	if (password->running)
		return;
	password->running = true;
	fiber_spawn(&password->group, "redis.password_command", serve, password);
}

void password_forget(struct password_wait *wait)
{
	if (!wait->at)
		return;
	*wait->at = wait->next;
	if (wait->next)
		wait->next->at = wait->at;
	wait->at = NULL;
}
