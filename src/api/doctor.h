/* SPDX-License-Identifier: MIT */
/* The doctor's report as JSON. */
#ifndef CW_API_DOCTOR_H
#define CW_API_DOCTOR_H

#include <cjson/cJSON.h>

#include "watch/diagnosis.h"

/* The body of GET /doctor, api.md. The caller owns it. */
cJSON *doctor_report(const struct diagnosis *diagnosis);

#endif
