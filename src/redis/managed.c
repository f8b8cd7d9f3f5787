/* SPDX-License-Identifier: MIT */
/*
 * The life of the private server; its folder is in managed_folder.c.
 *
 *	start -> CLEARING (a leftover gets SHUTDOWN) -> RUNNING --dies--> WAITING
 *	            ^------------------------------------------------------------'
 *
 * Special: nothing here blocks. setpriv(1) makes the kernel kill the server when the daemon ends,
 * even by SIGKILL; a session of its own keeps the terminal's Ctrl-C from reaching it first.
 */
#include "redis/managed.h"

#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fiber.h"
#include "base/mem.h"
#include "redis/managed_folder.h"

enum {
	clearing_ms = 2000, /* then a leftover is killed */
	stopping_ms = 2000, /* then the server is */
	min_restart_delay_ms = 50,
	max_restart_delay_ms = 5000,
	lasting_ms = 10000, /* a server that ran so long is restarted at once */
	starting_ms = 5000,
	min_databases = 16,
};

enum managed_state { MANAGED_CLEARING, MANAGED_RUNNING, MANAGED_WAITING, MANAGED_STOPPING };

/* One attempt to end a leftover on the socket; lives until libuv is done with it. */
struct leftover {
	struct redis_managed *managed; /* NULL once that has continued without it */
	uv_pipe_t pipe;
	uv_connect_t connect;
	uv_write_t write;
	char input[64];
};

struct redis_managed {
	struct loop *loop;
	enum managed_state state;
	struct managed_folder folder;
	char *program;
	char *maxmemory, *policy, *databases;
	uv_timer_t timer;
	struct leftover *leftover;
	uv_process_t *process; /* NULL while none runs */
	int64_t began_at_ms, started_at_ms, restart_delay_ms;
	bool ended; /* a server has ended, or could not be started */
	struct fiber *stopper;
};

static void start_server(struct redis_managed *managed);
static void timer_fired(uv_timer_t *timer);

static int64_t now_ms(const struct redis_managed *managed)
{
	return (int64_t)uv_now(loop_uv(managed->loop));
}

static void leftover_closed(uv_handle_t *handle)
{
	mem_free(handle->data);
}

/* No server listens there any more. */
static void leftover_gone(struct leftover *leftover)
{
	struct redis_managed *managed = leftover->managed;

	leftover->managed = NULL;
	if (!uv_is_closing((uv_handle_t *)&leftover->pipe))
		uv_close((uv_handle_t *)&leftover->pipe, leftover_closed);
	if (!managed)
		return;
	managed->leftover = NULL;
	uv_timer_stop(&managed->timer);
	if (managed->state == MANAGED_CLEARING)
		start_server(managed);
}

static void leftover_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
	struct leftover *leftover = handle->data;

	(void)suggested;
	*ret = uv_buf_init(leftover->input, sizeof leftover->input);
}

static void leftover_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *input)
{
	(void)input;
	if (n < 0)
		leftover_gone(stream->data);
}

static void leftover_connected(uv_connect_t *request, int status)
{
	static char shutdown[] = "SHUTDOWN NOSAVE\r\n";
	struct leftover *leftover = request->data;
	uv_stream_t *stream = (uv_stream_t *)&leftover->pipe;
	uv_buf_t line = uv_buf_init(shutdown, sizeof shutdown - 1);

	if (status == 0)
		status = uv_read_start(stream, leftover_alloc, leftover_read);
	if (status == 0)
		status = uv_write(&leftover->write, stream, &line, 1, NULL);
	if (status != 0)
		leftover_gone(leftover);
}

static void clear_leftover(struct redis_managed *managed)
{
	struct leftover *leftover = mem_new(struct leftover);

	managed->state = MANAGED_CLEARING;
	managed->leftover = leftover;
	leftover->managed = managed;
	leftover->connect.data = leftover;
	uv_pipe_init(loop_uv(managed->loop), &leftover->pipe, 0);
	leftover->pipe.data = leftover;
	uv_pipe_connect(
		&leftover->connect, &leftover->pipe, managed->folder.socket, leftover_connected);
	uv_timer_start(&managed->timer, timer_fired, clearing_ms, 0);
}

/* Only cachewarden uses the folder, so a server that listens in it is a leftover. */
static void kill_leftover(struct leftover *leftover)
{
	struct ucred peer;
	socklen_t size = sizeof peer;
	uv_os_fd_t fd;

	if (uv_fileno((uv_handle_t *)&leftover->pipe, &fd) == 0 &&
		getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.pid > 0)
		kill(peer.pid, SIGKILL);
	leftover_gone(leftover);
}

static void timer_fired(uv_timer_t *timer)
{
	struct redis_managed *managed = timer->data;

	if (managed->state == MANAGED_CLEARING && managed->leftover)
		kill_leftover(managed->leftover);
	else if (managed->state == MANAGED_WAITING)
		clear_leftover(managed);
}

static void start_later(struct redis_managed *managed)
{
	managed->state = MANAGED_WAITING;
	managed->ended = true;
	if (now_ms(managed) - managed->started_at_ms > lasting_ms)
		managed->restart_delay_ms = min_restart_delay_ms;
	uv_timer_start(&managed->timer, timer_fired, (uint64_t)managed->restart_delay_ms, 0);
	managed->restart_delay_ms *= 2;
	if (managed->restart_delay_ms > max_restart_delay_ms)
		managed->restart_delay_ms = max_restart_delay_ms;
}

static void process_closed(uv_handle_t *handle)
{
	mem_free(handle);
}

static void exited(uv_process_t *process, int64_t status, int signal)
{
	struct redis_managed *managed = process->data;

	(void)status, (void)signal;
	uv_close((uv_handle_t *)process, process_closed);
	if (!managed)
		return;
	managed->process = NULL;
	if (managed->state == MANAGED_RUNNING)
		start_later(managed);
	else if (managed->stopper)
		fiber_wake(managed->stopper);
}

/* Databases are numbered from 0. */
static char *databases_for(unsigned database)
{
	return mem_printf("%u", database < min_databases ? min_databases : database + 1);
}

static void start_server(struct redis_managed *managed)
{
	char *const argv[] = {"setpriv", "--pdeathsig", "KILL", managed->program, "--port", "0",
		"--unixsocket", managed->folder.socket, "--unixsocketperm", "700", "--save", "",
		"--appendonly", "no", "--daemonize", "no", "--maxmemory", managed->maxmemory,
		"--maxmemory-policy", managed->policy, "--databases", managed->databases, "--dir",
		managed->folder.path, "--logfile", managed->folder.log, NULL};
	uv_stdio_container_t stdio[3] = {
		{.flags = UV_IGNORE}, {.flags = UV_IGNORE}, {.flags = UV_IGNORE}};
	uv_process_options_t options = {
		.file = "setpriv",
		.args = (char **)argv,
		.exit_cb = exited,
		.flags = UV_PROCESS_DETACHED,
		.stdio = stdio,
		.stdio_count = 3,
	};

	/* Libraries open sockets without CLOEXEC; the server must not inherit them. */
	close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
	managed->process = mem_new(uv_process_t);
	managed->process->data = managed;
	managed->started_at_ms = now_ms(managed);
	managed->state = MANAGED_RUNNING;
	if (uv_spawn(loop_uv(managed->loop), managed->process, &options) != 0) {
		uv_close((uv_handle_t *)managed->process, process_closed);
		managed->process = NULL;
		start_later(managed);
	}
}

enum error redis_managed_start(struct loop *loop, const struct conf_redis *conf,
	struct redis_managed **ret, struct fault *fault)
{
	struct managed_folder folder;
	char *program = managed_program(fault);

	if (!program)
		return ERR_BAD_CONFIG;
	enum error error = managed_folder_open(conf->managed_directory, &folder, fault);

	if (error) {
		mem_free(program);
		return error;
	}
	struct redis_managed *managed = mem_new(struct redis_managed);

	managed->loop = loop;
	managed->folder = folder;
	managed->program = program;
	managed->maxmemory = mem_printf("%lld", (long long)conf->managed_maxmemory);
	managed->policy = mem_strdup(conf->managed_policy);
	managed->databases = databases_for(conf->database);
	managed->began_at_ms = clock_mono_ms();
	managed->restart_delay_ms = min_restart_delay_ms;
	uv_timer_init(loop_uv(loop), &managed->timer);
	managed->timer.data = managed;
	clear_leftover(managed);
	*ret = managed;
	return OK;
}

bool redis_managed_starting(const struct redis_managed *managed)
{
	return !managed->ended && clock_mono_ms() - managed->began_at_ms < starting_ms;
}

const char *redis_managed_socket(const struct redis_managed *managed)
{
	return managed->folder.socket;
}

static void end_server(struct redis_managed *managed)
{
	int64_t deadline = clock_deadline(stopping_ms);

	if (!managed->process)
		return;
	uv_process_kill(managed->process, SIGTERM);
	managed->stopper = fiber_current();
	while (managed->process && fiber_park("the end of redis-server", deadline) == OK)
		;
	if (managed->process) {
		uv_process_kill(managed->process, SIGKILL);
		deadline = clock_deadline(stopping_ms);
		while (managed->process && fiber_park("the end of redis-server", deadline) == OK)
			;
	}
	managed->stopper = NULL;
	/* Killed, but a cancelled fiber could not wait for its exit. */
	if (managed->process)
		managed->process->data = NULL;
}

static void timer_closed(uv_handle_t *handle)
{
	mem_free(handle->data);
}

void redis_managed_stop(struct redis_managed *managed)
{
	if (!managed)
		return;
	managed->state = MANAGED_STOPPING;
	if (managed->leftover)
		leftover_gone(managed->leftover);
	end_server(managed);
	managed_folder_close(&managed->folder);
	mem_free(managed->program);
	mem_free(managed->maxmemory);
	mem_free(managed->policy);
	mem_free(managed->databases);
	uv_close((uv_handle_t *)&managed->timer, timer_closed);
}
