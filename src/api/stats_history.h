/* SPDX-License-Identifier: MIT */
/* The member `history` of GET /stats: ?history=15m&step=10s. */
#ifndef CW_API_STATS_HISTORY_H
#define CW_API_STATS_HISTORY_H

#include "api/app.h"

/* Whether the request has one of the parameters. */
bool stats_history_asked(const struct request *request);
/* Adds the history. ERR_BAD_PARAMETER: there is none for these parameters. */
enum error stats_history_add(
	cJSON *stats, const struct app *app, const struct request *request, struct fault *fault);

#endif
