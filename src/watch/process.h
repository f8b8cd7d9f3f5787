/* SPDX-License-Identifier: MIT */
/* Memory and descriptors of this process, from /proc. */
#ifndef CW_WATCH_PROCESS_H
#define CW_WATCH_PROCESS_H

#include <stdint.h>

/* Resident bytes, open descriptors; -1 = /proc cannot be read. */
int64_t process_rss_bytes(void);
int64_t process_open_fds(void);

#endif
