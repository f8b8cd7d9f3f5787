/* SPDX-License-Identifier: MIT */
/* The state of jobs, as GET /warm and stats show it. */
#ifndef CW_API_WARM_JOBS_H
#define CW_API_WARM_JOBS_H

#include "warm/warm.h"

/*
 * A list of the jobs that `who` may start (NULL: of all). `full` adds schedule and suspended, which
 * stats leave out. The caller owns it.
 */
cJSON *api_warm_jobs(const struct warm *warm, const struct identity *who, bool full);

#endif
