/* SPDX-License-Identifier: MIT */
/* Alerts as JSON: GET /alerts, and the member of stats. */
#ifndef CW_API_ALERT_ITEMS_H
#define CW_API_ALERT_ITEMS_H

#include "api/app.h"

/* All rules, or in short those that are not inactive. The caller owns the array. */
cJSON *api_alert_items(const struct app *app, bool all);

#endif
