/* SPDX-License-Identifier: MIT */
/* The handle of libcachewarden, what goes into its calls, and what may be wrong. */
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
	CW_BAD_ARGUMENT = 1, /* a key, pattern, tag, JSON text, ... that is not acceptable */
	CW_BAD_CONFIG = 2,   /* the URL or the configuration file */
	CW_FORBIDDEN = 3,    /* a reserved or protected key, or a catch-all pattern */
	CW_NOT_FOUND = 4,    /* no value, no such session, entity, ... */
	CW_EXISTS = 5,	     /* CW_IF_MISSING, and it is not missing; CW_IF_PRESENT likewise */
	CW_WRONG_TYPE = 6,   /* the key holds a list, a hash, ... */
	CW_CONFLICT = 7,     /* others changed it in every one of several tries */
	CW_LEASE_LOST = 8,   /* the lease ended or is somebody else's; nothing was stored */
	CW_TOO_LARGE = 9,    /* the value, or the reply */
	CW_CONFIRMATION_REQUIRED = 10, /* so many keys: see struct cw_invalidated */
	CW_INCOMPLETE = 11,	       /* an invalidation ended early: `reason` says why */
	CW_CALLBACK_FAILED = 12,       /* the loader or the change said so */
	CW_CORRUPT_VALUE = 13,	       /* the stored bytes cannot be decompressed */
	CW_REDIS_ERROR = 14,	       /* Redis refused the command, or the credentials */
	CW_REDIS_UNAVAILABLE = 15,     /* down, loading, busy, or read-only */
	CW_REDIS_OUT_OF_MEMORY = 16,
	CW_UNKNOWN_OUTCOME = 17, /* the connection broke before Redis answered */
	CW_OVERLOADED = 18,
	CW_TIMEOUT = 19,
	CW_INTERNAL = 20,
};

/* What went wrong, for a person: what, where, what to do. A plain value. */
struct cw_error {
	enum cw_status status;
	const char *code; /* a word of docs/errors.md, such as "redis_unavailable"; constant text */
	char message[512];
};

/* Borrowed bytes: keys and values may hold any, NUL too. */
struct cw_bytes {
	const char *data;
	size_t size;
};

static inline struct cw_bytes cw_bytes(const void *data, size_t size)
{
	struct cw_bytes bytes = {(const char *)data, size};

	return bytes;
}

/* The text without its NUL. */
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

/* A zeroed one holds the defaults. */
struct cw_options {
	/*
	 * redis://[user:password@]host[:port][/db] or unix:///path[?db=n]. NULL: of the
	 * environment's REDIS_URL, else of `config`, else redis://localhost:6379/0.
	 */
	const char *url;
	/*
	 * The daemon's configuration file: namespaces, entities, dependencies, protected keys and
	 * timeouts hold here too. NULL: the defaults.
	 */
	const char *config;
	/* May name protected keys exactly, and catch-all patterns. */
	bool admin;
	/*
	 * Called when `size` bytes (0: not known) cannot be had: true tries again, for something
	 * was freed; false ends the process by abort(), as no function does. It must not longjmp()
	 * nor call the library.
	 */
	bool (*out_of_memory)(void *context, size_t size);
	void *context;
};

/*
 * Does not connect yet, so that a program starts while Redis is down: NULL means that the options
 * are wrong. `options` may be NULL.
 */
CW_API struct cw_cache *cw_open(const struct cw_options *options, struct cw_error *error);
/* NULL is welcome. */
CW_API void cw_close(struct cw_cache *cache);
/* Whether Redis answers, and understands us. */
CW_API enum cw_status cw_ping(struct cw_cache *cache, struct cw_error *error);

#ifdef __cplusplus
}
#endif

#endif
