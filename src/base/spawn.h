/* SPDX-License-Identifier: MIT */
/*
 * A child in its own process group, its output in pieces, and its termination.
 *
 *	spawn_start -> spawn_read ... -> spawn_end
 *
 * The child inherits its input or /dev/null and two pipes, nothing else.
 */
#ifndef CW_BASE_SPAWN_H
#define CW_BASE_SPAWN_H

#include "base/buf.h"
#include "base/fiber.h"
#include "base/loop.h"

struct spawn;

enum { spawn_tail_bytes = 2048 };

/*
 * `argv` and `env` end with NULL; argv[0] is searched along env's PATH. `input` is a file for
 * standard input, which the caller keeps; -1 = /dev/null. 0, or a negative libuv error and *ret
 * untouched.
 */
int spawn_start(struct loop *loop, char **argv, char **env, int input, struct spawn **ret);
/*
 * The next bytes of standard output, a view until the next call. None: no process has it open for
 * writing, or the child has failed and nothing more came for 200 ms. Parks.
 */
enum error spawn_read(struct spawn *spawn, int64_t deadline, struct slice *ret);
/* Whether the child has ended; other processes may still have its output open. */
bool spawn_exited(const struct spawn *spawn);
/*
 * Waits for the child to exit: *ret_status as given to exit(3), or *ret_signal is not 0. Standard
 * error is complete then. Parks.
 */
enum error spawn_wait(struct spawn *spawn, int64_t deadline, int64_t *ret_status, int *ret_signal);
/*
 * The end of standard error, of which spawn_tail_bytes are kept, as one line of printable bytes
 * that fits into `ret`; its first line only, if `first`. "" = there is none.
 */
void spawn_said(const struct spawn *spawn, bool first, char *ret, size_t size);
/*
 * Ends what is left of the group (TERM, KILL after 2 s) and frees `spawn`. Waits for that, in a
 * cleanup section too; if it cannot, that happens in the background. Parks.
 */
void spawn_end(struct spawn *spawn);

#endif
