/* SPDX-License-Identifier: MIT */
/*
 * What every part of the engine works with: the loop, Redis and the configuration in force.
 *
 * It is the first member of struct engine, which makes it and lets go of it.
 */
#ifndef CW_CACHE_CACHE_H
#define CW_CACHE_CACHE_H

#include "base/event.h"
#include "base/fiber.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/metric.h"
#include "conf/conf.h"
#include "store/store.h"

/* The set of all values of redis.own_prefix that were in use: our only key without that prefix. */
#define CACHE_PREFIXES "cw:prefixes"

/* The context of the engine: each of its functions takes it, or what points to it. */
struct cache {
	struct loop *loop;
	struct event_bus *bus;
	struct metrics *metrics;
	struct log *log; /* debug lines of the engine; NULL unless the daemon sets it */
	struct store *store;
	struct conf *conf; /* in force; take a reference to keep it over a park */
	struct results *results;
	struct lookups *lookups;     /* of keys that were read, by namespace; NULL in the library */
	struct unlogged *unlogged;   /* what Redis had no memory to log; NULL = nothing */
	struct key_watches *watches; /* who wants to know of keys; NULL = nobody */
	char instance[17];	     /* of this process: 16 random hexadecimal digits */
	struct redis_batch *spare_batches[64]; /* for those that need a small one for a moment */
	size_t spare_batch_count;
	/* Since the start, for stats. */
	uint64_t gets, hits, misses, sets, invalidated_keys, loads, stale_served;
};

/*
 * Reads `cw:meta`, the layout version of our own keys, and writes it where it is absent. A newer
 * layout gives ERR_CONFLICT: this daemon must not touch it. Other errors say why it is not known;
 * ERR_CORRUPT_VALUE and ERR_WRONG_TYPE that the key is damaged. Parks.
 */
enum error cache_check_layout(struct cache *cache, struct fault *fault);
/*
 * Notes own_prefix in CACHE_PREFIXES, and tells each other one noted there under which there are
 * still keys of ours. Those without are forgotten. Parks.
 */
enum error cache_note_prefix(
	struct cache *cache, void (*tell)(void *context, struct slice other), void *context);
/* Appends own_prefix and `name`: "cw:" "op:..." */
void cache_own_key(const struct cache *cache, const char *name, struct slice rest, struct buf *out);
/*
 * Appends the name of a key of ours that scripts and transactions use together with `key`:
 * own_prefix, `name`, "{t}:", `key`. t is 0 on one server; in a cluster it is the smallest number
 * whose slot is that of `key`.
 */
void cache_own_beside(
	const struct cache *cache, const char *name, struct slice key, struct buf *out);
/* store_run() until cache_deadline(). Parks. */
enum error cache_run(struct cache *cache, enum redis_priority priority, struct redis_batch *batch,
	struct fault *fault);
/* The same; the first error reply is an error, too. Parks. */
enum error cache_run_all(struct cache *cache, enum redis_priority priority,
	struct redis_batch *batch, struct fault *fault);
/* An empty batch, and its return when its replies are of no use any more. */
struct redis_batch *cache_batch_take(struct cache *cache);
void cache_batch_give(struct cache *cache, struct redis_batch *batch);
/* Adds removed keys to what stats and metrics say. */
void cache_count_removed(struct cache *cache, uint64_t keys);
/* When a step of a few commands must have been answered: past what the connection itself allows. */
int64_t cache_deadline(const struct cache *cache);
/*
 * Waits, 50 ms at least, until Redis answers again or give_up(context), which may be NULL, is true.
 * ERR_TIMEOUT after 5 s, ERR_CANCELLED. Parks.
 */
enum error cache_await_redis(
	struct cache *cache, bool (*give_up)(const void *context), const void *context);

#endif
