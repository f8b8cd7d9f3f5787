/* SPDX-License-Identifier: MIT */
/*
 * Reaps orphaned processes; see orphans.h.
 *
 * waitid(2) with WNOWAIT tells which child has ended without reaping it. A child of libuv is left
 * to libuv, which has reaped it before the next attempt.
 */
#include "orphans.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { again_ms = 20 };

struct search {
	pid_t pid;
	bool found;
};

static void compare(uv_handle_t *handle, void *context)
{
	struct search *search = context;

	if (handle->type == UV_PROCESS && uv_is_active(handle) &&
		((const uv_process_t *)handle)->pid == search->pid)
		search->found = true;
}

static void look_again(uv_timer_t *timer);

static void look(struct orphans *orphans)
{
	for (;;) {
		siginfo_t info = {0};

		if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0)
			return;
		struct search search = {.pid = info.si_pid};

		uv_walk(orphans->signal.loop, compare, &search);
		if (search.found)
			break;
		waitid(P_PID, (id_t)search.pid, &info, WEXITED | WNOHANG);
	}
	uv_timer_start(&orphans->again, look_again, again_ms, 0);
}

static void child_ended(uv_signal_t *signal, int number)
{
	(void)number;
	look(signal->data);
}

static void look_again(uv_timer_t *timer)
{
	look(timer->data);
}

void orphans_start(struct orphans *orphans, uv_loop_t *loop)
{
	int subreaper = 0;

	prctl(PR_GET_CHILD_SUBREAPER, &subreaper);
	if (getpid() != 1 && !subreaper)
		return;
	orphans->started = true;
	uv_signal_init(loop, &orphans->signal);
	uv_timer_init(loop, &orphans->again);
	orphans->signal.data = orphans->again.data = orphans;
	uv_signal_start(&orphans->signal, child_ended, SIGCHLD);
}

void orphans_stop(struct orphans *orphans)
{
	if (!orphans->started)
		return;
	uv_close((uv_handle_t *)&orphans->signal, NULL);
	uv_close((uv_handle_t *)&orphans->again, NULL);
	orphans->started = false;
}
