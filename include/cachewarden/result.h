/* SPDX-License-Identifier: MIT */
/*
 * Read-through: a missing value is loaded once, although many threads, programs and daemons on the
 * same Redis ask for it.
 */
#ifndef CACHEWARDEN_RESULT_H
#define CACHEWARDEN_RESULT_H

#include <cachewarden/value.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The value that a loader makes; appended to. */
struct cw_output;
CW_API void cw_output_add(struct cw_output *output, const void *data, size_t size);
CW_API void cw_output_printf(struct cw_output *output, const char *format, ...)
#if defined(__GNUC__)
	__attribute__((format(printf, 2, 3)))
#endif
	;

/* There is no such value: all that wait get CW_NOT_FOUND, whatever the loader returns. */
CW_API void cw_output_absent(struct cw_output *output);

/*
 * Loads a value. true: `output` has it; false: it failed. The loader runs on the caller's stack and
 * may call the library with the same handle, except cw_close() and cw_result() for the same key. It
 * must return: no longjmp(), no exception.
 */
typedef bool cw_loader(void *context, struct cw_output *output);

/* How a value is loaded and stored. */
struct cw_load {
	cw_loader *load;
	void *context;
	int64_t ttl;	     /* seconds, as of struct cw_store */
	struct cw_list tags; /* at most 100 */
	int64_t timeout_ms;  /* how long others wait for this load, 1 to 300,000; 0 = 30 s */
	/*
	 * For how many seconds cw_output_absent() is remembered, unless the key is written, or
	 * invalidated by name, pattern or tag; 0 = not at all.
	 */
	int64_t absent_for;
};

/*
 * Reads the cached value, or loads it, and stores it unless the key or one of its tags is
 * invalidated meanwhile. While Redis is away the value is loaded and not stored, which is not an
 * error: see ret->origin. If the load fails, a stale value is returned if there is one; otherwise
 * all that wait for the load, in other programs too, get CW_CALLBACK_FAILED. CW_NOT_FOUND: there is
 * no such value. CW_TIMEOUT: another client's load did not end. Free `ret` with cw_value_release().
 */
CW_API enum cw_status cw_result(struct cw_cache *cache, struct cw_bytes key,
	const struct cw_load *how, struct cw_value *ret, struct cw_error *error);

/* A lease: the right to load one key, for a time, without cw_result(). A plain value. */
struct cw_lease {
	char token[64];
};

/*
 * Takes the lease for timeout_ms (1 to 300,000). CW_CONFLICT: another client holds it. A value that
 * is stored with a lease is discarded if its key or one of its tags was invalidated since the lease
 * was taken.
 */
CW_API enum cw_status cw_lease_take(struct cw_cache *cache, struct cw_bytes key, int64_t timeout_ms,
	struct cw_lease *ret, struct cw_error *error);
/* Stores the value and ends the lease. *ret_kept (may be NULL): false = invalidated meanwhile. */
CW_API enum cw_status cw_lease_store(struct cw_cache *cache, const struct cw_lease *lease,
	const struct cw_entry *entry, bool *ret_kept, struct cw_error *error);
/* Ends the lease without a value. CW_OK also if it has ended. */
CW_API enum cw_status cw_lease_release(struct cw_cache *cache, const struct cw_lease *lease,
	struct cw_bytes key, struct cw_error *error);

#ifdef __cplusplus
}
#endif

#endif
