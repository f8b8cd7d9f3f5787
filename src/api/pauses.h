/* SPDX-License-Identifier: MIT */
/* What is paused, as JSON. */
#ifndef CW_API_PAUSES_H
#define CW_API_PAUSES_H

#include "api/app.h"

/* {"warming": {...} | null, "invalidation": ...}; the caller owns it. */
cJSON *api_pauses(const struct app *app);

#endif
