/* SPDX-License-Identifier: MIT */
/* What every route that begins an operation answers with. */
#ifndef CW_API_OPERATIONS_H
#define CW_API_OPERATIONS_H

#include "api/app.h"

#define OPERATIONS_PATH "/api/v1/admin/cache/operations"

/* 202 with Location, Retry-After and the operation as it stands. */
void operations_reply_accepted(struct request *request, struct operation *operation);

#endif
