/* SPDX-License-Identifier: MIT */
/*
 * The blocking face of the engine: every public function runs a function in a fiber and turns the
 * handle's loop until that has ended.
 *
 *	cw_get() -> call_run() -> [ loop: fiber { engine } ] -> the caller goes on, the loop rests
 *
 * Between two calls nothing runs. That is why a callback of the program may call the library again:
 * it runs on the program's own stack, between two calls.
 */
#ifndef CW_LIB_HANDLE_H
#define CW_LIB_HANDLE_H

#include "base/mem.h"
#include "cache/guard.h"
#include "cachewarden/cachewarden.h"
#include "engine/engine.h"

/* A load that the program's callback is busy with, on the program's own stack. */
struct loading {
	struct cw_bytes key;
	struct loading *outer;
};

/* How long a loader took lately. */
struct usual_load {
	cw_loader *load;
	int64_t ms;
};

enum { USUAL_LOADS = 16 };

struct cw_cache {
	struct engine engine;
	struct identity who; /* what the program may do */
	struct guard guard;
	struct mem_hook hook;
	struct fiber_group calls;
	bool inside;	    /* a call is under way */
	bool layout_judged; /* our own keys in this Redis are of a layout that we know */
	uv_timer_t alarm;
	bool alarmed;
	int64_t look_again_ms;
	struct loading *loading; /* the innermost */
	struct usual_load usual_loads[USUAL_LOADS];
	unsigned next_usual_load;
};

/* One call, in its fiber. Parks. */
typedef enum error call_function(struct cw_cache *handle, void *args, struct fault *fault);

/* Runs it to its end. `error` may be NULL. */
enum cw_status call_run(
	struct cw_cache *handle, call_function *function, void *args, struct cw_error *error);
/* The same for who has an answer even without Redis: it runs although Redis is away. */
enum cw_status call_run_anyway(
	struct cw_cache *handle, call_function *function, void *args, struct cw_error *error);

/* The same for what ends an earlier call, whatever is true of Redis by now. */
enum cw_status call_run_always(
	struct cw_cache *handle, call_function *function, void *args, struct cw_error *error);

/* What the library's own memory and sockets need of the process, for the time of a call. */
struct call_guard {
	const struct mem_hook *hook;
	sigset_t mask;
	bool pipe_pending;
};
void call_enter(const struct mem_hook *hook, struct call_guard *guard);
void call_leave(const struct call_guard *guard);

/* Fills `error` (NULL is welcome) and returns what the public has to know. */
enum cw_status status_set(struct cw_error *error, const struct fault *fault);

static inline struct slice slice_from(struct cw_bytes bytes)
{
	return (struct slice){bytes.data, bytes.size};
}

#endif
