/* SPDX-License-Identifier: MIT */
/* Signals, orphaned processes and systemd's watchdog. */
#include <signal.h>
#include <unistd.h>

#include "api/debug.h"
#include "base/systemd.h"
#include "daemon_internal.h"

static void stop_signal(uv_signal_t *handle, int number)
{
	struct daemon *d = handle->data;

	/* A second signal ends the process without draining. */
	if (d->stop_asked)
		_exit(128 + number);
	d->stop_asked = true;
	daemon_wake(d);
}

static void reload_signal(uv_signal_t *handle, int number)
{
	struct daemon *d = handle->data;

	(void)number;
	d->reload_asked = true;
	daemon_wake(d);
}

static void debug_signal(uv_signal_t *handle, int number)
{
	struct daemon *d = handle->data;

	(void)number;
	if (d->app.http)
		debug_log(&d->app);
}

static void pet_watchdog(uv_timer_t *timer)
{
	(void)timer;
	systemd_notify("WATCHDOG=1");
}

static void start_signal(struct daemon *d, uv_signal_t *handle, uv_signal_cb callback, int number)
{
	uv_signal_init(loop_uv(d->app.loop), handle);
	handle->data = d;
	uv_signal_start(handle, callback, number);
}

void signals_start(struct daemon *d)
{
	int64_t watchdog_ms = systemd_watchdog_ms();

	start_signal(d, &d->sigterm, stop_signal, SIGTERM);
	start_signal(d, &d->sigint, stop_signal, SIGINT);
	start_signal(d, &d->sighup, reload_signal, SIGHUP);
	start_signal(d, &d->sigusr1, debug_signal, SIGUSR1);
	orphans_start(&d->orphans, loop_uv(d->app.loop));
	uv_timer_init(loop_uv(d->app.loop), &d->watchdog);
	/* Twice as often as systemd expects it. */
	if (watchdog_ms > 0)
		uv_timer_start(&d->watchdog, pet_watchdog, 0, (uint64_t)watchdog_ms / 2);
}

void signals_stop(struct daemon *d)
{
	uv_close((uv_handle_t *)&d->sigterm, NULL);
	uv_close((uv_handle_t *)&d->sigint, NULL);
	uv_close((uv_handle_t *)&d->sighup, NULL);
	uv_close((uv_handle_t *)&d->sigusr1, NULL);
	orphans_stop(&d->orphans);
	uv_close((uv_handle_t *)&d->watchdog, NULL);
}
