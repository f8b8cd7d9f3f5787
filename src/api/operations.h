/* SPDX-License-Identifier: MIT */
/* The answer of routes that start an operation. */
#ifndef CW_API_OPERATIONS_H
#define CW_API_OPERATIONS_H

#include "api/app.h"

#define OPERATIONS_PATH "/api/v1/admin/cache/operations"

/* 202 with Location, Retry-After and the operation as it stands. */
void operations_reply_accepted(struct request *request, struct operation *operation);

#endif
