/* SPDX-License-Identifier: MIT */
/* How much of the sent bytes the other end of a socket has received. */
#ifndef CW_HTTP_PROGRESS_H
#define CW_HTTP_PROGRESS_H

#include <stdint.h>

/*
 * A number that changes when the other end receives bytes: the bytes that TCP has acknowledged, or
 * those that a Unix socket still holds.
 */
uint64_t progress_mark(int fd);

#endif
