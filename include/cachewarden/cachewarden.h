/* SPDX-License-Identifier: MIT */
/*
 * libcachewarden: cachewarden's cache engine for C programs, without the daemon.
 *
 *	struct cw_cache *cache = cw_open(NULL, &error);
 *	cw_set(cache, cw_str("user:42"), cw_str("{\"name\":\"Ada\"}"), NULL, &error);
 *	...
 *	cw_close(cache);
 *
 * Each call blocks until it is done or has timed out. A handle may be used by one thread at a time;
 * several threads need a handle each. The library writes nothing to standard error and installs no
 * signal handler, and SIGPIPE does not reach the program.
 *
 * Arguments are borrowed for the call. Results belong to the caller, which frees them with the
 * function that their struct names. After an error there is nothing to free.
 *
 * Each function returns CW_OK or an error's status, and fills its struct cw_error, which may be
 * NULL. docs/library.md is the guide; docs/examples/ has a program for each part.
 */
#ifndef CACHEWARDEN_H
#define CACHEWARDEN_H

#include <cachewarden/dependency.h>
#include <cachewarden/handle.h>
#include <cachewarden/invalidate.h>
#include <cachewarden/key.h>
#include <cachewarden/result.h>
#include <cachewarden/session.h>
#include <cachewarden/value.h>

#endif
