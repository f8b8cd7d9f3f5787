/* SPDX-License-Identifier: MIT */
/* The handle of libcachewarden, and the types that all calls use: bytes, lists, errors. */
#ifndef CACHEWARDEN_HANDLE_H
#define CACHEWARDEN_HANDLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define CW_API __attribute__((visibility("default")))
#else
#define CW_API
#endif

/* The library's version, as in "0.1.0". */
CW_API const char *cw_version(void);

enum cw_status {
	CW_OK = 0,
	CW_BAD_ARGUMENT = 1, /* an invalid key, pattern, tag, JSON text, number, ... */
	CW_BAD_CONFIG = 2,   /* the URL or the configuration file is not valid */
	CW_FORBIDDEN = 3,    /* a reserved or protected key, or a catch-all pattern */
	CW_NOT_FOUND = 4,    /* no such value, session, entity, ... */
	CW_EXISTS = 5,	     /* CW_IF_MISSING and the key exists; CW_IF_PRESENT and it does not */
	CW_WRONG_TYPE = 6,   /* the key holds a list, a hash, ... */
	CW_CONFLICT = 7,     /* changed by others during each of several tries; or a held lease */
	CW_LEASE_LOST = 8,   /* the lease has ended or is another client's; nothing was stored */
	CW_TOO_LARGE = 9,    /* the value or the reply is too large */
	CW_CONFIRMATION_REQUIRED = 10, /* too many keys match: see struct cw_invalidated */
	CW_INCOMPLETE = 11,	       /* an invalidation ended early: see `reason` */
	CW_CALLBACK_FAILED = 12,       /* the loader or the change function returned false */
	CW_CORRUPT_VALUE = 13,	       /* the stored value cannot be decompressed */
	CW_REDIS_ERROR = 14,	       /* Redis refused the command, or the credentials */
	CW_REDIS_UNAVAILABLE = 15,     /* down, loading, busy, or read-only; or not the primary */
	CW_REDIS_OUT_OF_MEMORY = 16,   /* Redis has reached its maxmemory */
	CW_UNKNOWN_OUTCOME = 17, /* the connection broke before the reply; it may have been done */
	CW_OVERLOADED = 18,	 /* too many commands wait for Redis */
	CW_TIMEOUT = 19,	 /* also: cancelled */
	CW_INTERNAL = 20,	 /* a defect of the library */
};

/* An error. A plain value: there is nothing to free. */
struct cw_error {
	enum cw_status status;
	const char *code;  /* of docs/errors.md, such as "redis_unavailable"; constant text */
	char message[512]; /* for people: what is wrong, where, and what to do */
};

/* Borrowed bytes: keys and values may contain any, NUL included. */
struct cw_bytes {
	const char *data;
	size_t size;
};

static inline struct cw_bytes cw_bytes(const void *data, size_t size)
{
	struct cw_bytes bytes = {(const char *)data, size};

	return bytes;
}

/* A text, without its NUL. */
static inline struct cw_bytes cw_str(const char *text)
{
	return cw_bytes(text, strlen(text));
}

/* An array of bytes, borrowed. */
struct cw_list {
	const struct cw_bytes *items;
	size_t count;
};

static inline struct cw_list cw_list(const struct cw_bytes *items, size_t count)
{
	struct cw_list list = {items, count};

	return list;
}

struct cw_cache;

/* Options of a handle; zeroed: the defaults. Borrowed by cw_open(), but for `context`. */
struct cw_options {
	/*
	 * redis://[user:password@]host[:port][/db] or unix:///path[?db=n]. NULL: the
	 * environment's REDIS_URL, or that of `config`, or redis://localhost:6379/0.
	 */
	const char *url;
	/*
	 * The path of the daemon's configuration file, whose namespaces, entities, dependencies,
	 * protected keys and timeouts are used. NULL: the defaults.
	 */
	const char *config;
	/* Allows to name protected keys, and to use catch-all patterns. */
	bool admin;
	/*
	 * Called when `size` bytes (0: not known) cannot be allocated. true: something was freed,
	 * and the library tries again; false: the process ends by abort(), as it does without a
	 * function. It must not call longjmp() or the library.
	 */
	bool (*out_of_memory)(void *context, size_t size);
	void *context; /* for out_of_memory */
};

/*
 * Opens a handle, which cw_close() frees. It does not connect yet, so that programs can start while
 * Redis is down. NULL: the options are not valid (CW_BAD_CONFIG). `options` may be NULL.
 */
CW_API struct cw_cache *cw_open(const struct cw_options *options, struct cw_error *error);
/*
 * Ends what still runs and frees the handle. While Redis does not answer this takes up to a second.
 * Not to be called by a loader. `cache` may be NULL.
 */
CW_API void cw_close(struct cw_cache *cache);
/* CW_OK if Redis answers a PING. */
CW_API enum cw_status cw_ping(struct cw_cache *cache, struct cw_error *error);

#ifdef __cplusplus
}
#endif

#endif
