/* SPDX-License-Identifier: MIT */
/*
 * managed: a private redis-server (or valkey-server) on a Unix socket in the runtime folder.
 *
 * It ends with the daemon, even after kill -9 (setpriv --pdeathsig KILL); a server that a crashed
 * daemon left on the same socket is shut down first. It is restarted, with backoff, if it ends.
 * Without persistence: it is a cache.
 */
#ifndef CW_REDIS_MANAGED_H
#define CW_REDIS_MANAGED_H

#include "base/loop.h"
#include "conf/conf.h"

struct redis_managed;

/*
 * Starts the server; `directory` (the configuration's, else a runtime folder that it makes: mode
 * 0700 under $RUNTIME_DIRECTORY, $XDG_RUNTIME_DIR or /tmp) holds socket and log. ERR_BAD_CONFIG
 * if no server program is installed or the folder cannot be used.
 */
enum error redis_managed_start(struct loop *loop, const struct conf_redis *conf,
	struct redis_managed **ret, struct fault *fault);
/*
 * Whether the first server may still be about to listen: none has ended yet, and the start is less
 * than 5 s ago.
 */
bool redis_managed_starting(const struct redis_managed *managed);
/* Where clients connect. Belongs to the object. */
const char *redis_managed_socket(const struct redis_managed *managed);
/* SHUTDOWN NOSAVE by signal, KILL after 2 s; removes what start made. Parks. */
void redis_managed_stop(struct redis_managed *managed);

#endif
