/* SPDX-License-Identifier: MIT */
/*
 * What is wrong between this daemon, its configuration and Redis, and how to fix it: for
 * GET /doctor and cachewardend --doctor.
 */
#ifndef CW_WATCH_DIAGNOSIS_H
#define CW_WATCH_DIAGNOSIS_H

#include "cache/cache.h"

enum finding_severity {
	FINDING_ERROR,	 /* something does not work */
	FINDING_WARNING, /* it works, but not as it should */
	FINDING_HINT,	 /* it may be meant so */
};
const char *diagnosis_severity_name(enum finding_severity severity); /* "error", ... */

struct finding {
	enum finding_severity severity;
	const char *code; /* constant text, such as "command_denied" */
	char *subject;	  /* what it is about: a command, a server, a configuration key */
	char *feature;	  /* what does not work because of it; NULL = not one in particular */
	char *detail, *fix;
};

/* A primary; what is not known is NULL or below 0. */
struct diagnosis_server {
	char *name, *version, *mode, *role;
	double latency_ms; /* median of some PINGs */
};

struct diagnosis {
	struct finding *findings;
	size_t count;
	struct diagnosis_server *servers; /* at least one */
	size_t server_count;
	char *acl; /* the least ACL line for this configuration */
	/* While it is made. */
	bool several;	   /* it is a cluster */
	size_t neighbours; /* primaries on the machine of the one at hand, with itself */
	size_t serving;	   /* servers that answer */
	int64_t deadline;  /* of all questions */
};

/*
 * Asks each primary a few questions, for at most 3 s each and 20 s in all, and judges what is known
 * besides. `layout` is
 * what cache_check_layout() found, NULL = not asked. Release with diagnosis_release(). Parks.
 */
void diagnosis_make(struct cache *cache, const struct fault *layout, struct diagnosis *ret);
/*
 * Adds a finding; `detail` and `fix` are allocated and belong to it. Borrowed until the next one.
 */
struct finding *diagnosis_add(struct diagnosis *diagnosis, enum finding_severity severity,
	const char *code, const char *subject, char *detail, char *fix);
/* No finding but warnings and hints. */
bool diagnosis_ok(const struct diagnosis *diagnosis);
void diagnosis_release(struct diagnosis *diagnosis);

#endif
