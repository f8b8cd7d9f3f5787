/* SPDX-License-Identifier: MIT */
/* What is paused, as several routes show it. */
#ifndef CW_API_PAUSES_H
#define CW_API_PAUSES_H

#include <cjson/cJSON.h>

#include "api/app.h"

/* {"since", "until", "by", "note"}, or null if it is not paused. The caller owns it. */
cJSON *pauses_json(const struct app *app, enum pause what);

#endif
