/* SPDX-License-Identifier: MIT */
/* What every route that begins an operation answers with. */
#ifndef CW_API_OPERATIONS_H
#define CW_API_OPERATIONS_H

#include "api/app.h"

#define API_OPERATIONS "/api/v1/admin/cache/operations"

/* 202 with Location, Retry-After and the operation as it stands. */
void api_reply_accepted(struct request *request, struct operation *operation);
/* Copies the members of `from` (may be NULL) that `to` does not have yet. */
void api_merge(cJSON *to, const cJSON *from);

#endif
