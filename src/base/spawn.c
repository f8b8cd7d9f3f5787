/* SPDX-License-Identifier: MIT */
/*
 * A child and its process group; see spawn.h.
 *
 *	uv_process, two uv_pipes, uv_timer --callbacks--> struct spawn --wake--> the fiber that asks
 *
 * The struct lives until its last handle's close callback, whether or not a fiber waits. The
 * group's id may be signalled while the child is not reaped or another member lives; that is
 * checked right after the reaping, and an empty group is never signalled again.
 *
 * Special: setpriv(1) makes the kernel kill the child when the daemon ends, even by SIGKILL.
 */
#include "base/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/program.h"

enum {
	chunk_bytes = 64 * 1024,
	quiet_ms = 200,	  /* for the last output of a child that has failed */
	tail_ms = 100,	  /* for standard error's last words after the exit */
	look_ms = 10,	  /* how often an ending group is looked at */
	grace_ms = 2000,  /* between TERM and KILL */
	give_up_ms = 500, /* after KILL: what is left are zombies of others */
};

struct spawn {
	uv_process_t process;
	uv_pipe_t out, err;
	uv_timer_t timer;
	unsigned handles; /* not closed yet; `process` is the fourth, once it is one */

	pid_t group;
	bool group_gone;
	bool exited;
	int64_t status;
	int signal;

	bool out_ended, err_ended;
	size_t filled; /* of `chunk`, not handed out yet */
	struct buf tail;

	int64_t term_at; /* when the end began, 0 = not yet */
	bool killed;
	bool over;     /* all handles are closed */
	bool released; /* by its owner */
	struct fiber *waiter;
	char chunk[chunk_bytes];
};

static void wake(struct spawn *s)
{
	if (s->waiter)
		fiber_wake(s->waiter);
}

static void spawn_free(struct spawn *s)
{
	buf_release(&s->tail);
	mem_free(s);
}

static void closed(uv_handle_t *handle)
{
	struct spawn *s = handle->data;

	if (--s->handles)
		return;
	s->over = true;
	if (s->released)
		spawn_free(s);
	else
		wake(s);
}

static void close_all(struct spawn *s)
{
	void *const all[] = {&s->out, &s->err, &s->timer, &s->process};

	for (unsigned i = 0, n = s->handles; i < n; i++)
		uv_close(all[i], closed);
}

static void look_for_group(struct spawn *s)
{
	if (!s->exited || s->group_gone)
		return;
	/* As process 1 of a container we inherit its orphans, which no other process would reap. */
	while (waitpid(-s->group, NULL, WNOHANG) > 0)
		;
	/* EPERM: only members that changed their user are left, out of our reach. */
	s->group_gone = kill(-s->group, 0) != 0;
}

static void exited(uv_process_t *process, int64_t status, int term_signal)
{
	struct spawn *s = process->data;

	s->exited = true;
	s->status = status;
	s->signal = term_signal;
	look_for_group(s);
	wake(s);
}

static void out_alloc(uv_handle_t *handle, size_t hint, uv_buf_t *ret)
{
	struct spawn *s = handle->data;

	(void)hint;
	*ret = uv_buf_init(s->chunk, chunk_bytes);
}

/* One piece; then the pipe fills up until the next read. */
static void out_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct spawn *s = stream->data;

	(void)buf;
	if (n == 0)
		return;
	uv_read_stop(stream);
	if (n > 0)
		s->filled = (size_t)n;
	else
		s->out_ended = true;
	wake(s);
}

static void err_alloc(uv_handle_t *handle, size_t hint, uv_buf_t *ret)
{
	struct spawn *s = handle->data;

	(void)hint;
	*ret = uv_buf_init(buf_reserve(&s->tail, spawn_tail_bytes), spawn_tail_bytes);
}

static void err_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct spawn *s = stream->data;

	(void)buf;
	if (n < 0) {
		uv_read_stop(stream);
		s->err_ended = true;
		wake(s);
		return;
	}
	s->tail.n += (size_t)n;
	s->tail.p[s->tail.n] = '\0';
	if (s->tail.n > spawn_tail_bytes)
		buf_consume(&s->tail, s->tail.n - spawn_tail_bytes);
}

static void init_handles(struct spawn *s, uv_loop_t *uv)
{
	uv_pipe_init(uv, &s->out, 0);
	uv_pipe_init(uv, &s->err, 0);
	uv_timer_init(uv, &s->timer);
	s->out.data = s->err.data = s->timer.data = s->process.data = s;
	s->handles = 3;
}

/* A real pipe and not libuv's socket pair: programs open /dev/stdout. */
static int make_pipe(uv_pipe_t *ours, int *ret_theirs)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) != 0)
		return -errno;
	int error = uv_pipe_open(ours, ends[0]);
	if (error) {
		close(ends[0]);
		close(ends[1]);
		return error;
	}
	*ret_theirs = ends[1];
	return 0;
}

static int start(struct spawn *s, uv_loop_t *uv, char **argv, char **env, const int theirs[3])
{
	uv_stdio_container_t stdio[3] = {
		{.flags = theirs[0] < 0 ? UV_IGNORE : UV_INHERIT_FD, .data.fd = theirs[0]},
		{.flags = UV_INHERIT_FD, .data.fd = theirs[1]},
		{.flags = UV_INHERIT_FD, .data.fd = theirs[2]},
	};
	uv_process_options_t options = {
		.exit_cb = exited,
		.file = argv[0],
		.args = argv,
		.env = env,
		.flags = UV_PROCESS_DETACHED,
		.stdio = stdio,
		.stdio_count = 3,
	};

	/* curl, for one, opens sockets that children would inherit. */
	if (close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) != 0)
		return -errno;
	int error = program_find(argv[0], env);
	if (error)
		return error;
	char **all = program_that_dies_with_us(argv);
	if (all)
		options.file = (options.args = all)[0];
	/* Even where it fails, the handle has to be closed. */
	s->handles++;
	error = uv_spawn(uv, &s->process, &options);
	mem_free(all);
	return error;
}

int spawn_start(struct loop *loop, char **argv, char **env, int input, struct spawn **ret)
{
	struct spawn *s = mem_new(struct spawn);
	int theirs[3] = {input, -1, -1};

	init_handles(s, loop_uv(loop));
	int error = make_pipe(&s->out, &theirs[1]);
	if (!error)
		error = make_pipe(&s->err, &theirs[2]);
	if (!error)
		error = start(s, loop_uv(loop), argv, env, theirs);
	for (int i = 1; i < 3; i++)
		if (theirs[i] >= 0)
			close(theirs[i]);
	if (error) {
		s->released = true;
		close_all(s);
		return error;
	}
	s->group = s->process.pid;
	uv_read_start((uv_stream_t *)&s->err, err_alloc, err_read);
	*ret = s;
	return 0;
}

/* Parks once; a wake means that something has changed. */
static enum error await(struct spawn *s, int64_t deadline)
{
	s->waiter = fiber_current();
	enum error error = fiber_park("the output of a command", deadline);
	s->waiter = NULL;
	return error;
}

bool spawn_exited(const struct spawn *s)
{
	return s->exited;
}

enum error spawn_read(struct spawn *s, int64_t deadline, struct slice *ret)
{
	enum error error = OK;
	int64_t quiet_at = DEADLINE_NONE;

	if (!s->out_ended)
		uv_read_start((uv_stream_t *)&s->out, out_alloc, out_read);
	while (!s->filled && !s->out_ended && !error) {
		/* Where it has succeeded, what others still write belongs to its output. */
		if (spawn_exited(s) && (s->status || s->signal) && quiet_at == DEADLINE_NONE)
			quiet_at = clock_deadline(quiet_ms);
		error = await(s, quiet_at < deadline ? quiet_at : deadline);
		if (error == ERR_TIMEOUT && quiet_at < deadline && clock_mono_ms() >= quiet_at) {
			uv_read_stop((uv_stream_t *)&s->out);
			s->out_ended = true;
			error = OK;
		}
	}
	*ret = slice_of(s->chunk, s->filled);
	s->filled = 0;
	return error;
}

enum error spawn_wait(struct spawn *s, int64_t deadline, int64_t *ret_status, int *ret_signal)
{
	enum error error = OK;

	while (!s->exited && !error)
		error = await(s, deadline);
	if (error)
		return error;
	int64_t until = clock_deadline(tail_ms);
	while (!s->err_ended && !error)
		error = await(s, until < deadline ? until : deadline);
	*ret_status = s->status;
	*ret_signal = s->signal;
	return error == ERR_TIMEOUT ? OK : error;
}

void spawn_said(const struct spawn *s, bool first, char *ret, size_t size)
{
	struct slice tail = buf_slice(&s->tail);
	size_t n = 0;

	while (tail.n && strchr(" \n", tail.p[tail.n - 1]) && tail.p[tail.n - 1])
		tail.n--;
	if (first && tail.n)
		tail.n = strcspn(tail.p, "\n") < tail.n ? strcspn(tail.p, "\n") : tail.n;
	if (tail.n >= size)
		tail = first ? slice_of(tail.p, size - 1)
			     : slice_of(tail.p + tail.n - size + 1, size - 1);
	for (; n < tail.n; n++) {
		unsigned char c = (unsigned char)tail.p[n];

		ret[n] = c == '\n' ? ' ' : c < 32 || c > 126 ? '?' : tail.p[n];
	}
	ret[n] = '\0';
}

static void signal_group(struct spawn *s, int signal)
{
	if (!s->group_gone)
		kill(-s->group, signal);
}

/* Looks at a group that is to end, until it has. */
static void look(uv_timer_t *timer)
{
	struct spawn *s = timer->data;
	int64_t since = clock_mono_ms() - s->term_at;

	look_for_group(s);
	if (s->exited && (s->group_gone || since > grace_ms + give_up_ms)) {
		close_all(s);
		return;
	}
	if (since < grace_ms || s->killed)
		return;
	signal_group(s, SIGKILL);
	s->killed = true;
}

static void begin_end(struct spawn *s)
{
	s->term_at = clock_mono_ms();
	uv_read_stop((uv_stream_t *)&s->out);
	look_for_group(s);
	if (s->exited && s->group_gone) {
		close_all(s);
		return;
	}
	signal_group(s, SIGTERM);
	/* A stopped group would not see it otherwise. */
	signal_group(s, SIGCONT);
	uv_timer_start(&s->timer, look, look_ms, look_ms);
}

void spawn_end(struct spawn *s)
{
	int64_t deadline = clock_deadline(grace_ms + 2 * give_up_ms);
	bool cleanup = false;
	enum error error = OK;

	begin_end(s);
	while (!s->over && !error) {
		error = await(s, deadline);
		if (error == ERR_CANCELLED && !cleanup) {
			/* Not in a cleanup section of the caller's, or it would have parked. */
			fiber_cleanup_begin(grace_ms + 2 * give_up_ms);
			cleanup = true;
			error = OK;
		}
	}
	if (cleanup)
		fiber_cleanup_end();
	s->released = true;
	if (s->over)
		spawn_free(s);
}
