/* SPDX-License-Identifier: MIT */
/*
 * Inside of source/: what all open sources share, and the breaker of each source.
 *
 * The keys of a breaker are hashes of requests: address and parameters.
 */
#ifndef CW_SOURCE_SOURCES_H
#define CW_SOURCE_SOURCES_H

#include "source/source.h"

struct sources {
	struct loop *loop;
	struct log *log;		 /* may be NULL */
	struct event_bus *bus;		 /* may be NULL */
	struct http_multi *http;	 /* NULL until the first HTTP source */
	struct postgres_pools *postgres; /* NULL until the first PostgreSQL source */
	struct source_health *unwell;	 /* by identity; only sources that have failed */
};

/* One use of a source, from source_open() to its outcome. */
struct sources_use {
	const struct conf_source *conf; /* borrowed */
	uint64_t key;
};

enum sources_outcome {
	USE_LEFT,     /* it ended without a result */
	USE_ANSWERED, /* about this key only: neither a failure nor a success of the source */
	USE_SUCCEEDED,
	USE_FAILED,
};

/*
 * Appends what is the same for two sources only if they are one, before and after a reload: owner
 * and name. It is not text.
 */
void sources_identify(const struct conf_source *conf, struct buf *out);
struct sources_use sources_use(const struct source_call *call);
/* OK: then sources_leave() must follow. Else ERR_SOURCE_FAILED with the last failure. */
enum error sources_enter(
	struct sources *sources, const struct sources_use *use, struct fault *fault);
/* `why` is for USE_FAILED; else it may be NULL. */
void sources_leave(struct sources *sources, const struct sources_use *use,
	enum sources_outcome outcome, const char *why);

#endif
