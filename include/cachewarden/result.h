/* SPDX-License-Identifier: MIT */
/*
 * Read-through: of all who miss a value, over all programs and daemons on one Redis, one loads it.
 */
#ifndef CACHEWARDEN_RESULT_H
#define CACHEWARDEN_RESULT_H

#include <cachewarden/value.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Takes what a loader loads. */
struct cw_output;
CW_API void cw_output_add(struct cw_output *output, const void *data, size_t size);
CW_API void cw_output_printf(struct cw_output *output, const char *format, ...)
#if defined(__GNUC__)
	__attribute__((format(printf, 2, 3)))
#endif
	;

/* There is no such value: CW_NOT_FOUND for all waiters, whatever the loader returns. */
CW_API void cw_output_absent(struct cw_output *output);

/*
 * Loads a value: true = `output` has it, false = it failed. It runs on the caller's stack, while
 * nothing of the library runs, so that it may call the library with the same handle, but not for
 * the same key. It must return: no longjmp(), no exception.
 */
typedef bool cw_loader(void *context, struct cw_output *output);

/* What holds for a value that is loaded. */
struct cw_load {
	cw_loader *load;
	void *context;
	int64_t ttl;
	struct cw_list tags;
	int64_t timeout_ms; /* how long one load may take, others wait that long; 0 = 30 s */
	/*
	 * Seconds that cw_output_absent() is remembered, until the key is written or invalidated,
	 * by name, pattern or tag; 0 = not.
	 */
	int64_t absent_for;
};

/*
 * The cached value, or what is loaded now (and stored, unless the key, a pattern or a tag of it is
 * invalidated meanwhile). With Redis away it is loaded, too, and that is no error: see ret->origin.
 * Where the load fails, a value that is stale is better than none; else CW_CALLBACK_FAILED, for all
 * that wait for it, in other programs too. CW_NOT_FOUND where there is no such value.
 * CW_TIMEOUT where others load it and do not come to an end.
 */
CW_API enum cw_status cw_result(struct cw_cache *cache, struct cw_bytes key,
	const struct cw_load *how, struct cw_value *ret, struct cw_error *error);

/* The same by hand. The right to load one key, for a time. A plain value. */
struct cw_lease {
	char token[64];
};

/*
 * For timeout_ms (1 to 300,000). CW_CONFLICT where somebody else has it. A value that was loaded
 * under a lease does not outlive an invalidation of its key, pattern or tags since it was taken.
 */
CW_API enum cw_status cw_lease_take(struct cw_cache *cache, struct cw_bytes key, int64_t timeout_ms,
	struct cw_lease *ret, struct cw_error *error);
/* Stores and ends it. *ret_kept (may be NULL): false where an invalidation came in between. */
CW_API enum cw_status cw_lease_store(struct cw_cache *cache, const struct cw_lease *lease,
	const struct cw_entry *entry, bool *ret_kept, struct cw_error *error);
/* Gives it back without a value. */
CW_API enum cw_status cw_lease_release(struct cw_cache *cache, const struct cw_lease *lease,
	struct cw_bytes key, struct cw_error *error);

#ifdef __cplusplus
}
#endif

#endif
