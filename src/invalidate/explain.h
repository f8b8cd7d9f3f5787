/* SPDX-License-Identifier: MIT */
/* Everything known about one key, for GET /explain/{key}: what is stored, and what can invalidate
 * it. */
#ifndef CW_INVALIDATE_EXPLAIN_H
#define CW_INVALIDATE_EXPLAIN_H

#include "base/name_list.h"
#include "cache/cache.h"
#include "operation/operation.h"

/* How much is looked through; the answer tells what was. */
enum { EXPLAIN_MAX_TAGS = 10000, EXPLAIN_MAX_ENTRIES = 1000 };

/* An entity that the key belongs to. */
struct explain_entity {
	const struct conf_entity *entity;
	const struct template *key;
	struct slice id; /* a view of the explained key */
};

/* The newest invalidation that matched, of the log, or of this process's own. */
struct explain_invalidation {
	const char *kind;   /* "key", "pattern", "tag"; NULL = none was found */
	struct slice value; /* in the texts of explain.tags */
	int64_t wall_ms;
	char operation_id[OPERATION_ID_BYTES + 1]; /* "" = it was not an operation */
	struct slice by;			   /* as `value`; empty = not known */
	enum { EXPLAIN_NOT_KNOWN, EXPLAIN_HARD, EXPLAIN_SOFT, EXPLAIN_SPREAD } mode;
	bool logged; /* false: Redis had no memory for it in the log (cache/unlogged.h) */
};

struct explain {
	bool exists, stale, compressed, protected;
	char type[24];	      /* as TYPE names it; "none" */
	int64_t ttl_ms;	      /* -2 absent, -1 no expiry, 0 stale */
	int64_t bytes;	      /* -1 = not known: not a string, or a command is denied */
	int64_t memory_bytes; /* -1 = not known */
	const struct conf_namespace *namespace; /* NULL = none */
	struct explain_entity *entities;
	size_t entity_count;
	struct name_list dependents; /* the direct ones */
	bool dependents_unreadable;
	struct name_list tags; /* that the key is found under */
	size_t tags_checked;
	struct explain_invalidation last;
	struct {
		size_t entries;	       /* that were looked at, from the newest on until `last` */
		int64_t since_wall_ms; /* when the oldest of these was; -1 = there is none */
		/* Of these: with tags that the key does not have now, but may have had then. */
		size_t other_tags;
	} log;
	/*
	 * When an invalidation was, later than `last`, that is neither in the log nor remembered
	 * with all that it named, wall clock; -1 = none is known.
	 */
	int64_t forgotten_wall_ms;
};

/*
 * The caller has checked the key, and removes names that it may not show from `dependents`. `conf`
 * and `key` must outlive the result. Errors of Redis; nothing to release then. Parks.
 */
enum error explain_key(struct cache *cache, const struct conf *conf, struct slice key,
	struct explain *ret, struct fault *fault);
void explain_release(struct explain *explain);

#endif
