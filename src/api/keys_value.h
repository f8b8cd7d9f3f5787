/* SPDX-License-Identifier: MIT */
/* A value as it is sent: which bytes, in which content coding, with which ETag. */
#ifndef CW_API_KEYS_VALUE_H
#define CW_API_KEYS_VALUE_H

#include "cache/entry.h"
#include "http/request.h"

enum { KEYS_ETAG = 2 + 32 };

struct keys_value {
	struct slice bytes;	  /* of the entry or of its scratch */
	const char *encoding;	  /* "zstd", or NULL */
	bool varies;		  /* it could have been sent otherwise */
	char etag[KEYS_ETAG + 1]; /* strong: other bytes have another one, quotes included */
};

/*
 * Passes the stored zstd frame through where the caller takes it, else decompresses. Parks as
 * entry_value(), and between pieces of a big value.
 */
enum error keys_value(struct request *request, struct cache *cache, const struct entry *entry,
	struct buf *scratch, struct keys_value *ret, struct fault *fault);
/*
 * Whether If-Match (`*`, or a list of ETags on any number of lines) names what is stored, in either
 * of its content codings: the strong comparison. Parks as keys_value().
 */
enum error keys_value_matches(struct request *request, struct cache *cache,
	const struct entry *entry, bool *ret, struct fault *fault);
/* Whether If-None-Match says that the caller has it already. */
bool keys_value_known(struct request *request, const struct keys_value *value);

#endif
