/* SPDX-License-Identifier: MIT */
/*
 * A handle, and how its calls block: each public function runs a function in a fiber, and turns the
 * handle's loop until the fiber has ended.
 *
 *	cw_get() -> call_run() -> [ loop: fiber { engine } ] -> returns; the loop rests
 *
 * Between two calls nothing runs. A callback of the program runs on the program's own stack between
 * two calls, so it may call the library again.
 */
#ifndef CW_LIB_HANDLE_H
#define CW_LIB_HANDLE_H

#include "base/mem.h"
#include "cache/guard.h"
#include "cachewarden/cachewarden.h"
#include "engine/engine.h"

/* A key that a loader of the program is loading now; on the program's stack. */
struct loading {
	struct cw_bytes key;
	struct loading *outer;
};

/* The usual duration of a loader. */
struct usual_load {
	cw_loader *load;
	int64_t ms;
};

enum { USUAL_LOADS = 16 };

struct cw_cache {
	struct engine engine;
	struct identity who; /* the scopes of the program */
	struct guard guard;
	struct mem_hook hook;
	struct fiber_group calls;
	bool inside;	    /* a call is under way */
	bool layout_judged; /* the layout of cachewarden's keys was read, and is known */
	uv_timer_t alarm;
	bool alarmed;
	int64_t look_again_at_ms; /* no reconnect is awaited before then; monotonic, 0 = now */
	struct loading *loading;  /* the innermost; NULL = no loader runs */
	struct usual_load usual_loads[USUAL_LOADS];
	unsigned next_usual_load;
};

/* The work of one call, in its fiber. Parks. */
typedef enum error call_function(struct cw_cache *handle, void *args, struct fault *fault);

enum call_kind {
	CALL_NORMAL,  /* refused while Redis is away, or if the key layout there is newer */
	CALL_OFFLINE, /* refused if the key layout is newer: it has a result without Redis, too */
	CALL_FINISH,  /* never refused: it ends an earlier call */
};
/* Runs `function` to its end. `error` may be NULL. */
enum cw_status call_run_as(enum call_kind kind, struct cw_cache *handle, call_function *function,
	void *args, struct cw_error *error);
/* The same with CALL_NORMAL. */
enum cw_status call_run(
	struct cw_cache *handle, call_function *function, void *args, struct cw_error *error);

/* State of the thread that a call changes and restores: the out-of-memory hook, SIGPIPE. */
struct call_guard {
	const struct mem_hook *hook;
	sigset_t mask;
	bool pipe_pending;
};
void call_enter(const struct mem_hook *hook, struct call_guard *guard);
void call_leave(const struct call_guard *guard);

/* Fills `error` (may be NULL) from a fault, and returns its public status. */
enum cw_status status_set(struct cw_error *error, const struct fault *fault);

#endif
