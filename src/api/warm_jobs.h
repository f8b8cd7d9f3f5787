/* SPDX-License-Identifier: MIT */
/* The state of jobs, as GET /warm and stats show it. */
#ifndef CW_API_WARM_JOBS_H
#define CW_API_WARM_JOBS_H

#include "warm/warm.h"

/* ERR_UNKNOWN_JOB, ERR_KEY_OUTSIDE_PREFIXES: `who` may not start all of these jobs. */
enum error api_warm_check(const struct slice *names, size_t count, const struct identity *who,
	const struct conf *conf, struct fault *fault);

/*
 * A list of the jobs that `who` may start (NULL: of all). `full` adds schedule and suspended, which
 * stats leave out. The caller owns it.
 */
cJSON *api_warm_jobs(const struct warm *warm, const struct identity *who, bool full);

#endif
