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

/*
 * The handle
 */

struct cw_cache;

/* A zeroed one holds the defaults. */
struct cw_options {
	/*
	 * redis://[user:password@]host[:port][/db] or unix:///path[?db=n]. NULL: of `config`, else
	 * of the environment's REDIS_URL, else redis://localhost:6379/0.
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

/*
 * Values
 */

/* TTLs are whole seconds, up to 10 years. */
enum {
	CW_TTL_DEFAULT = 0, /* going in: as the configuration says for the key's namespace */
	CW_TTL_NONE = -1,   /* going in and coming out: no expiry */
};

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

/* Where a value comes from. */
enum cw_origin {
	CW_HIT,	   /* the cache */
	CW_STALE,  /* the cache, after its TTL: within the namespace's stale_for */
	CW_MISS,   /* cw_result() loaded and stored it */
	CW_BYPASS, /* cw_result() loaded it; Redis is away */
};

/* A value that came out; cw_value_release() gives it back. */
struct cw_value {
	char *data; /* with a NUL behind it that size does not count; NULL = no value */
	size_t size;
	int64_t ttl; /* what is left; CW_TTL_NONE; 0 where stale or not stored */
	enum cw_origin origin;
	enum cw_status status; /* cw_mget(): of this one */
};

/* NULL, and one without a value, are welcome. */
CW_API void cw_value_release(struct cw_value *value);

/* CW_NOT_FOUND where there is none. */
CW_API enum cw_status cw_get(
	struct cw_cache *cache, struct cw_bytes key, struct cw_value *ret, struct cw_error *error);
/*
 * ret[keys.count], in their order, each with a status of its own: CW_OK, CW_NOT_FOUND,
 * CW_WRONG_TYPE, CW_TOO_LARGE (also past 16 MiB together). At most 1,000 keys, one pipeline. The
 * caller releases each.
 */
CW_API enum cw_status cw_mget(
	struct cw_cache *cache, struct cw_list keys, struct cw_value *ret, struct cw_error *error);

enum cw_mode { CW_REPLACE, CW_IF_MISSING, CW_IF_PRESENT };

/* How a value is stored. A zeroed one: default TTL, replace, no tags. */
struct cw_store {
	int64_t ttl;
	enum cw_mode mode;
	struct cw_list tags; /* at most 100; the value can be invalidated by each */
};

/* `how` may be NULL. CW_EXISTS where the mode does not allow it. */
CW_API enum cw_status cw_set(struct cw_cache *cache, struct cw_bytes key, struct cw_bytes value,
	const struct cw_store *how, struct cw_error *error);

struct cw_entry {
	struct cw_bytes key, value;
	struct cw_store how;
};

/* At most 1,000, one pipeline. *ret_stored (may be NULL) counts them, also where some failed. */
CW_API enum cw_status cw_mset(struct cw_cache *cache, const struct cw_entry *entries, size_t count,
	size_t *ret_stored, struct cw_error *error);

/* CW_OK whether they were there or not; *ret_deleted (may be NULL) says how many were. */
CW_API enum cw_status cw_delete(
	struct cw_cache *cache, struct cw_bytes key, size_t *ret_deleted, struct cw_error *error);
CW_API enum cw_status cw_mdelete(
	struct cw_cache *cache, struct cw_list keys, size_t *ret_deleted, struct cw_error *error);
CW_API enum cw_status cw_exists(
	struct cw_cache *cache, struct cw_bytes key, bool *ret, struct cw_error *error);
/* Seconds, or CW_TTL_NONE. CW_NOT_FOUND where the key is not there. */
CW_API enum cw_status cw_ttl(
	struct cw_cache *cache, struct cw_bytes key, int64_t *ret, struct cw_error *error);
CW_API enum cw_status cw_expire(
	struct cw_cache *cache, struct cw_bytes key, int64_t ttl, struct cw_error *error);

/*
 * Tags, and invalidation
 */

/*
 * Puts keys that others stored under tags. *ret_tagged (may be NULL) counts those that are there;
 * absent ones are left out.
 */
CW_API enum cw_status cw_tag(struct cw_cache *cache, struct cw_list tags, struct cw_list keys,
	size_t *ret_tagged, struct cw_error *error);

/* Ids of one entity of the configuration. */
struct cw_entity {
	const char *name;
	struct cw_list ids;
};

/* What is to go. A zeroed one selects nothing, which is refused. */
struct cw_invalidation {
	struct cw_list keys;	 /* exact names */
	struct cw_list patterns; /* Redis's globs: a paced pass over all keys */
	struct cw_list tags;	 /* what was stored or put under them */
	struct cw_list dependents_of;
	const struct cw_entity *entities;
	size_t entity_count;
	bool no_cascade;     /* what depends on the named keys stays */
	bool dry_run;	     /* counts, and removes nothing */
	bool soft;	     /* makes stale instead of removing, in namespaces with stale_for */
	int64_t max_keys;    /* 0 = as the configuration says */
	const char *confirm; /* of struct cw_invalidated; NULL = none */
	const char *note;    /* why, for the record; NULL = none */
	int64_t timeout_ms;  /* 0 = 30 minutes. Then it is ended, incomplete */
};

/* What it came to. A plain value. */
struct cw_invalidated {
	bool complete;
	char reason[32]; /* why it is not complete, such as "max_keys"; else "" */
	uint64_t matched, invalidated, softened, protected_skipped;
	char confirm[64]; /* a dry run's: the same selectors may go, within five minutes; else "" */
};

/*
 * Logged before the first deletion, so that no load that began earlier stores an older value.
 * CW_INCOMPLETE, CW_CONFIRMATION_REQUIRED (`matched` is then a least) and CW_TIMEOUT fill *ret,
 * too, which may be NULL.
 */
CW_API enum cw_status cw_invalidate(struct cw_cache *cache, const struct cw_invalidation *what,
	struct cw_invalidated *ret, struct cw_error *error);

/* Changes the truth that cached values were made from: true = it was changed. */
typedef bool cw_change(void *context);
/*
 * Runs the change, which may call the library, and invalidates `what` only if it returned true;
 * else CW_CALLBACK_FAILED. `what` is read afterwards, so that the change may fill it. Any other
 * error is the invalidation's: the change has been made, and what is cached may be older.
 */
CW_API enum cw_status cw_invalidating(struct cw_cache *cache, cw_change *change, void *context,
	const struct cw_invalidation *what, struct cw_error *error);

/*
 * Keys made of parts: the same as POST /key and docs/keys.json have them
 */

/* A key, as a plain value. */
struct cw_key {
	size_t size;
	char text[1025];
};

static inline struct cw_bytes cw_key_bytes(const struct cw_key *key)
{
	return cw_bytes(key->text, key->size);
}

enum cw_part_kind { CW_PART_TEXT, CW_PART_INTEGER, CW_PART_DIGITS, CW_PART_BOOL, CW_PART_NULL };

/* One part; made by the functions below. */
struct cw_part {
	enum cw_part_kind kind;
	struct cw_bytes text;
	int64_t integer;
	const char *name; /* of a param; NULL for an arg */
};

static inline struct cw_part cw_text_bytes(struct cw_bytes text)
{
	struct cw_part part = {CW_PART_TEXT, text, 0, NULL};

	return part;
}

static inline struct cw_part cw_text(const char *text)
{
	return cw_text_bytes(cw_str(text));
}

static inline struct cw_part cw_int(int64_t integer)
{
	struct cw_part part = {CW_PART_INTEGER, {NULL, 0}, integer, NULL};

	return part;
}

/* An integer of any size, as its digits: "-7", "123456789012345678901234567890". */
static inline struct cw_part cw_digits(const char *digits)
{
	struct cw_part part = {CW_PART_DIGITS, cw_str(digits), 0, NULL};

	return part;
}

static inline struct cw_part cw_bool(bool value)
{
	struct cw_part part = {CW_PART_BOOL, {NULL, 0}, value, NULL};

	return part;
}

static inline struct cw_part cw_null(void)
{
	struct cw_part part = {CW_PART_NULL, {NULL, 0}, 0, NULL};

	return part;
}

/* cw_named("page", cw_int(2)): params come behind the args, sorted by name. */
static inline struct cw_part cw_named(const char *name, struct cw_part part)
{
	part.name = name;
	return part;
}

/*
 * prefix:arg:arg:name=value, at most 200 bytes: longer ones keep the prefix and a hash. Needs no
 * handle. CW_BAD_ARGUMENT: an empty prefix, a name twice, more than 64 parts, no room.
 */
CW_API enum cw_status cw_key_make(struct cw_bytes prefix, const struct cw_part *parts, size_t count,
	struct cw_key *ret, struct cw_error *error);

/* CW_KEY(&key, &error, "user", cw_int(42), cw_named("page", cw_int(2))): user:42:page=2 */
#ifndef __cplusplus
#define CW_KEY(ret, error, prefix, ...) \
	cw_key_make(cw_str(prefix), (const struct cw_part[]){__VA_ARGS__}, \
		sizeof((const struct cw_part[]){__VA_ARGS__}) / sizeof(struct cw_part), ret, \
		error)
#endif

/* The key that the configuration's entity has under a name, for one id. */
CW_API enum cw_status cw_entity_key(struct cw_cache *cache, const char *entity, const char *name,
	struct cw_bytes id, struct cw_key *ret, struct cw_error *error);

/*
 * Read-through: of all who miss a value, over all programs and daemons on one Redis, one loads it
 */

/* Takes what a loader loads. */
struct cw_output;
CW_API void cw_output_add(struct cw_output *output, const void *data, size_t size);
CW_API void cw_output_printf(struct cw_output *output, const char *format, ...)
#if defined(__GNUC__)
	__attribute__((format(printf, 2, 3)))
#endif
	;

/*
 * Loads a value: true = `output` has it. It runs on the caller's stack, while nothing of the
 * library runs, so that it may call the library with the same handle, but not for the same key. It
 * must return: no longjmp(), no exception.
 */
typedef bool cw_loader(void *context, struct cw_output *output);

/* What holds for a value that is loaded. */
struct cw_load {
	cw_loader *load;
	void *context;
	int64_t ttl;
	struct cw_list tags;
	int64_t timeout_ms; /* how long one load may take, others wait that long; 0 = 30 s */
};

/*
 * The cached value, or what is loaded now (and stored, unless the key, a pattern or a tag of it is
 * invalidated meanwhile). With Redis away it is loaded, too, and that is no error: see ret->origin.
 * Where the load fails, a value that is stale is better than none; else CW_CALLBACK_FAILED.
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
