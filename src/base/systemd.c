/* SPDX-License-Identifier: MIT */
/* Over libsystemd; see systemd.h. */
#include "base/systemd.h"

#include <systemd/sd-daemon.h>

_Static_assert(SYSTEMD_FIRST_FD == SD_LISTEN_FDS_START, "sd_listen_fds(3)");

int systemd_sockets(void)
{
	/* The environment stays: a reload asks again, and LISTEN_PID keeps children out. */
	int count = sd_listen_fds(0);

	return count > 0 ? count : 0;
}

bool systemd_notify(const char *state)
{
	return sd_notify(0, state) > 0;
}

int64_t systemd_watchdog_ms(void)
{
	uint64_t us;

	return sd_watchdog_enabled(0, &us) > 0 ? (int64_t)(us / 1000) : 0;
}
