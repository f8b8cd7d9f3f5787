/* SPDX-License-Identifier: MIT */
/* A value as it is sent (content coding, ETag), and conditions on ETags. */
#ifndef CW_API_KEYS_VALUE_H
#define CW_API_KEYS_VALUE_H

#include "cache/entry.h"
#include "http/request.h"

enum { KEYS_ETAG = 2 + 32 };

struct keys_value {
	struct slice bytes;	  /* of the entry or of its scratch */
	const char *encoding;	  /* "zstd", or NULL */
	bool varies;		  /* it could have been sent in another coding */
	char etag[KEYS_ETAG + 1]; /* strong, with its quotes */
};

/*
 * Sends the stored zstd frame if the caller accepts it, else the decompressed value. Parks as
 * entry_value(), and between pieces of a big value.
 */
enum error keys_value(struct request *request, struct cache *cache, const struct entry *entry,
	struct buf *scratch, struct keys_value *ret, struct fault *fault);
/* Whether If-None-Match names this value (or `*`). */
bool keys_value_known(struct request *request, const struct keys_value *value);

/* Conditions on writes of one key, checked in the moment of writing. */
enum keys_condition {
	KEYS_ALWAYS,
	KEYS_IF_PRESENT, /* If-Match: * */
	KEYS_IF_MATCH,	 /* If-Match: ETags */
	KEYS_IF_ABSENT,	 /* If-None-Match: * */
};

/* ERR_BAD_REQUEST if If-None-Match is not *, or if both headers are present. */
enum error keys_condition_read(
	struct request *request, enum keys_condition *ret, struct fault *fault);
/*
 * Writes under KEYS_IF_MATCH. ERR_PRECONDITION_FAILED if no value or another one is stored;
 * ERR_CONFLICT if it kept changing meanwhile. Parks.
 */
enum error keys_condition_put(struct request *request, struct cache *cache,
	struct entry_write *write, enum entry_outcome *ret, struct fault *fault);
/* Deletes under a condition of If-Match; errors as above. Parks. */
enum error keys_condition_delete(struct request *request, struct cache *cache, struct slice key,
	enum keys_condition condition, struct fault *fault);
/* The error for a condition that does not hold. */
enum error keys_condition_failed(enum keys_condition condition, struct fault *fault);

#endif
