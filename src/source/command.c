/* SPDX-License-Identifier: MIT */
/*
 * The standard output of a command, run without a shell; see spawn.h for the child itself.
 *
 * The rows count only if it exits with status 0, and they end when no process has its output open.
 * Otherwise the fault quotes the status and the end of its standard error. A parameter is passed as
 * one whole argument, never as an option; those that no argument names are passed as one line of
 * JSON on standard input.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/program.h"
#include "base/spawn.h"
#include "source/transport.h"
#include "text/json.h"

struct command {
	struct transport transport;
	const struct source_call *call;
	struct spawn *spawn;
	int64_t total; /* bytes of output so far */
};

/* "{name}" alone is replaced by a parameter; everything else is literal. */
static bool is_placeholder(const struct source_call *call, struct slice argument, struct slice *ret)
{
	return call->param_count && argument.n > 2 && argument.p[0] == '{' &&
	       argument.p[argument.n - 1] == '}' &&
	       transport_param(call, slice_of(argument.p + 1, argument.n - 2), ret);
}

/* NULL where a parameter cannot be an argument. */
static char **make_argv(const struct source_call *call, struct fault *fault)
{
	char **argv = mem_array(call->conf->argc + 1, sizeof *argv);

	for (size_t i = 0; i < call->conf->argc; i++) {
		struct slice argument = slice_str(call->conf->argv[i]);
		struct slice value = argument;

		if (is_placeholder(call, argument, &value) &&
			(value.n == 0 || value.p[0] == '-' || memchr(value.p, '\0', value.n))) {
			program_free_texts(argv);
			fault_set(fault, ERR_BAD_PARAMETER,
				"the value of %.100s is empty, begins with '-' or holds a NUL "
				"byte, and "
				"is not passed to a command",
				argument.p);
			return NULL;
		}
		argv[i] = slice_dup(value);
	}
	return argv;
}

static bool is_named(const struct source_call *call, struct slice param)
{
	for (size_t i = 0; i < call->conf->argc; i++) {
		struct slice argument = slice_str(call->conf->argv[i]);

		if (argument.n == param.n + 2 && argument.p[0] == '{' &&
			argument.p[argument.n - 1] == '}' &&
			slice_equal(slice_of(argument.p + 1, param.n), param))
			return true;
	}
	return false;
}

/* {"name":"value"} of the parameters that no argument names; nothing where there are none. */
static void write_input(const struct source_call *call, struct buf *out)
{
	for (size_t i = 0; i < call->param_count; i++) {
		if (is_named(call, call->params[i].name))
			continue;
		buf_char(out, out->n ? ',' : '{');
		json_quote(out, call->params[i].name);
		buf_char(out, ':');
		json_quote(out, call->params[i].value);
	}
	if (out->n)
		buf_str(out, "}\n");
}

/*
 * *ret_fd: a file in memory, since a pipe would have to be written while the child reads; -1 for
 * none. 0, or a negative errno.
 */
static int make_input(const struct source_call *call, int *ret_fd)
{
	struct buf text = {0};
	int error = 0;

	*ret_fd = -1;
	write_input(call, &text);
	if (text.n) {
		*ret_fd = memfd_create("stdin", MFD_CLOEXEC);
		if (*ret_fd < 0 || pwrite(*ret_fd, text.p, text.n, 0) != (ssize_t)text.n)
			error = -errno;
	}
	buf_release(&text);
	return error;
}

static int run(
	struct sources *sources, const struct source_call *call, char **argv, struct spawn **ret)
{
	char **env = program_environment();
	int input, error = make_input(call, &input);

	if (!error)
		error = spawn_start(sources->loop, argv, env, input, ret);
	if (input >= 0)
		close(input);
	program_free_texts(env);
	return error;
}

static enum error command_open(struct sources *sources, const struct source_call *call,
	struct transport **ret, struct fault *fault)
{
	struct spawn *spawn;
	char **argv = make_argv(call, fault);

	if (!argv)
		return ERR_BAD_PARAMETER;
	int error = run(sources, call, argv, &spawn);

	program_free_texts(argv);
	if (error)
		return fault_set(fault, ERR_SOURCE_FAILED, "cannot run %.200s: %s",
			call->conf->argv[0], uv_strerror(error));
	struct command *command = mem_new(struct command);
	command->transport.ops = &command_transport;
	command->call = call;
	command->spawn = spawn;
	*ret = &command->transport;
	return OK;
}

static enum error judge(struct command *command, struct fault *fault)
{
	const char *program = command->call->conf->argv[0];
	char said[300];
	int64_t status;
	int signal;
	enum error error = transport_waited(
		spawn_wait(command->spawn, command->call->deadline, &status, &signal), "exit",
		fault);

	if (error || (status == 0 && signal == 0))
		return error;
	command->transport.answered = signal == 0;
	spawn_said(command->spawn, false, said, sizeof said);
	fault_set(fault, ERR_SOURCE_FAILED, "%.100s %s %lld", program,
		signal ? "was ended by signal" : "exited with status",
		signal ? (long long)signal : (long long)status);
	if (*said)
		fault_aside(fault, " and said: %s", said);
	return ERR_SOURCE_FAILED;
}

static enum error command_read(struct transport *transport, struct slice *ret, struct fault *fault)
{
	struct command *command = (struct command *)transport;
	int64_t max = transport_max_total(command->call);
	enum error error = spawn_read(command->spawn, command->call->deadline, ret);

	if (error == ERR_TIMEOUT && spawn_exited(command->spawn))
		return fault_set(fault, ERR_TIMEOUT,
			"%.100s has exited, but a process that it started still has its output "
			"open, "
			"so "
			"that more rows may come: have the command wait for that process, or "
			"redirect "
			"that process's output",
			command->call->conf->argv[0]);
	if (error)
		return transport_waited(error, "end", fault);
	if (!ret->n)
		return judge(command, fault);
	command->total += (int64_t)ret->n;
	command->transport.answered = command->total > max;
	if (command->transport.answered)
		return fault_set(fault, ERR_SOURCE_FAILED, "%.200s wrote more than %lld bytes",
			command->call->conf->argv[0], (long long)max);
	return OK;
}

static void command_close(struct transport *transport)
{
	struct command *command = (struct command *)transport;

	spawn_end(command->spawn);
	mem_free(command);
}

const struct transport_ops command_transport = {
	.open = command_open, .read = command_read, .close = command_close};
