/* SPDX-License-Identifier: MIT */
/*
 * What POST /invalidate and POST /expire have in common: selectors and limits in the body, the
 * operation, and its answer.
 *
 *	body -> struct invalidation -> operation -> JSON
 */
#ifndef CW_API_SELECTORS_H
#define CW_API_SELECTORS_H

#include "api/app.h"
#include "api/body.h"
#include "invalidate/invalidator.h"

struct selectors {
	struct request *request;
	struct invalidation *what; /* owned until selectors_run() */
	struct body_list keys, patterns, tags, dependents_of;
	struct json_value entities, pace;
	struct slice confirm, note;
	bool strict;
	int64_t wait; /* seconds */
};

enum { SELECTORS_MEMBERS_MORE = 8 };

void selectors_init(struct selectors *asked, struct request *request);
void selectors_release(struct selectors *asked);
/*
 * Reads the body into `what`, and its members that the route has beside these (at most
 * SELECTORS_MEMBERS_MORE). ERR_BAD_JSON, ERR_BAD_BODY.
 */
enum error selectors_read(
	struct selectors *asked, const struct body_member *more, size_t count, struct fault *fault);
/* Begins the operation, waits for it, and answers. Parks. */
void selectors_run(struct selectors *asked, struct app *app);

#endif
