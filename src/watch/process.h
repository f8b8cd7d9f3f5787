/* SPDX-License-Identifier: MIT */
/* What the kernel says about this process. */
#ifndef CW_WATCH_PROCESS_H
#define CW_WATCH_PROCESS_H

#include <stdint.h>

/* Resident bytes and open descriptors; -1 where /proc does not tell. */
int64_t process_rss_bytes(void);
int64_t process_open_fds(void);

#endif
