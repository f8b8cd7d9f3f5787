/* SPDX-License-Identifier: MIT */
/* What the files of the diagnosis share. */
#ifndef CW_WATCH_DIAGNOSIS_INTERNAL_H
#define CW_WATCH_DIAGNOSIS_INTERNAL_H

#include "watch/diagnosis.h"

enum { DIAGNOSIS_QUESTION_MS = 3000 };

/* The same from an error of Redis, with what to do about it. */
void diagnosis_add_fault(struct diagnosis *diagnosis, enum finding_severity severity,
	const char *subject, const struct fault *fault);
/*
 * Examines a primary, and adds it to the servers, which have room for it. Until it was reached, or
 * that failed, it waits as long as a connection may take. Parks.
 */
void diagnosis_server(
	struct diagnosis *diagnosis, struct redis_node *node, const struct conf *conf);

#endif
