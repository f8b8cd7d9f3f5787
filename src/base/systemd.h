/* SPDX-License-Identifier: MIT */
/* What systemd and its services say to each other: passed sockets, notifications, the watchdog. */
#ifndef CW_BASE_SYSTEMD_H
#define CW_BASE_SYSTEMD_H

#include <stdbool.h>
#include <stdint.h>

/* The first passed socket; the others follow. */
enum { SYSTEMD_FIRST_FD = 3 };

/* How many sockets were passed to this process, 0 for none; they are closed on exec from now on. */
int systemd_sockets(void);
/*
 * Sends `state` ("READY=1", lines) to the service manager; false where there is none or it did not
 * take it, which nothing depends on.
 */
bool systemd_notify(const char *state);
/* Within how many milliseconds "WATCHDOG=1" has to be sent each time; 0 = there is no watchdog. */
int64_t systemd_watchdog_ms(void);

#endif
