/* SPDX-License-Identifier: MIT */
/*
 * libcachewarden: cachewarden's cache engine for C programs, without the daemon.
 *
 *	struct cw_cache *cache = cw_open(NULL, &error);
 *	cw_set(cache, cw_str("user:42"), cw_str("{\"name\":\"Ada\"}"), NULL, &error);
 *	...
 *	cw_close(cache);
 *
 * Every call blocks until it is done or its deadline has come; none blocks for ever. A handle is
 * for one thread at a time; several threads have a handle each. Nothing is written to standard
 * error, no signal handler is installed, SIGPIPE does not reach the program.
 *
 * Bytes that go in are borrowed for the call. What comes out belongs to the caller, who gives it
 * back with the function that its struct names. After an error nothing has to be given back.
 *
 * Each function returns CW_OK or what went wrong, and fills the struct cw_error, unless that is
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
