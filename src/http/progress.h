/* SPDX-License-Identifier: MIT */
/* How far a client has taken what was sent to it. */
#ifndef CW_HTTP_PROGRESS_H
#define CW_HTTP_PROGRESS_H

#include <stdint.h>

/*
 * A number that changes as the other end of the socket takes bytes: what TCP has had acknowledged,
 * or what a Unix socket still holds. It stays the same while nothing is taken.
 */
uint64_t progress_mark(int fd);

#endif
