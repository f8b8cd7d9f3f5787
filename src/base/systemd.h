/* SPDX-License-Identifier: MIT */
/* Socket activation, notification and watchdog of systemd. */
#ifndef CW_BASE_SYSTEMD_H
#define CW_BASE_SYSTEMD_H

#include <stdbool.h>
#include <stdint.h>

/* The first passed socket; the others follow. */
enum { SYSTEMD_FIRST_FD = 3 };

/* The number of passed sockets, 0 for none; they are closed on exec from now on. */
int systemd_sockets(void);
/*
 * Sends `state` ("READY=1", lines) to the service manager; false if there is none or it failed,
 * which may be ignored.
 */
bool systemd_notify(const char *state);
/* The interval within which "WATCHDOG=1" must be sent; 0 = no watchdog. */
int64_t systemd_watchdog_ms(void);

#endif
