/* SPDX-License-Identifier: MIT */
/*
 * Inside of source/: a child in a process group of its own, its output by pieces, and its sure end.
 *
 *	spawn_start -> spawn_read ... -> spawn_end
 *
 * The child sees its input or /dev/null, two pipes and nothing else of ours.
 */
#ifndef CW_SOURCE_SPAWN_H
#define CW_SOURCE_SPAWN_H

#include "base/buf.h"
#include "base/fiber.h"
#include "base/loop.h"

struct spawn;

enum { spawn_tail_bytes = 2048 };

/*
 * `argv` and `env` end with NULL; argv[0] is looked for along env's PATH. `input` is a file to be
 * standard input, which stays the caller's; -1 = /dev/null. 0, or a negative libuv error and *ret
 * untouched.
 */
int spawn_start(struct loop *loop, char **argv, char **env, int input, struct spawn **ret);
/*
 * The next bytes of standard output, a view until the next call. None: no process has it open for
 * writing any more, or the child has failed and nothing more came for a moment. Parks.
 */
enum error spawn_read(struct spawn *spawn, int64_t deadline, struct slice *ret);
/* Whether the child has ended; others may still hold its output. */
bool spawn_exited(const struct spawn *spawn);
/*
 * Waits for the child to exit: *ret_status as exit(3) had it, or *ret_signal is not 0. What came
 * last on standard error is complete then. Parks.
 */
enum error spawn_wait(struct spawn *spawn, int64_t deadline, int64_t *ret_status, int *ret_signal);
/* The last spawn_tail_bytes of standard error. */
struct slice spawn_tail(const struct spawn *spawn);
/*
 * Ends what is left of the group (TERM, KILL after 2 s) and frees `spawn`. Waits for that, in a
 * cleanup section too; where it may not, the rest happens on its own. Parks.
 */
void spawn_end(struct spawn *spawn);

#endif
