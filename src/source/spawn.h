/* SPDX-License-Identifier: MIT */
/*
 * Inside of source/: a child in its own process group, its output in pieces, and its termination.
 *
 *	spawn_start -> spawn_read ... -> spawn_end
 *
 * The child inherits its input or /dev/null and two pipes, nothing else.
 */
#ifndef CW_SOURCE_SPAWN_H
#define CW_SOURCE_SPAWN_H

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
/* The last spawn_tail_bytes of standard error. */
struct slice spawn_tail(const struct spawn *spawn);
/*
 * Ends what is left of the group (TERM, KILL after 2 s) and frees `spawn`. Waits for that, in a
 * cleanup section too; if it cannot, that happens in the background. Parks.
 */
void spawn_end(struct spawn *spawn);

#endif
