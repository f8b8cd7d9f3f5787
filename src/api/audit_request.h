/* SPDX-License-Identifier: MIT */
/* The members of struct http_observer (http/server.h) that write the audit log. */
#ifndef CW_API_AUDIT_REQUEST_H
#define CW_API_AUDIT_REQUEST_H

#include "api/app.h"

/*
 * ERR_AUDIT_UNAVAILABLE if the intent cannot be recorded and audit.required is `all`. Parks until
 * it is in the file.
 */
enum error audit_request_begins(void *context, struct request *request, struct fault *fault);
void audit_request_ended(void *context, struct request *request);
/* A token that is not valid, or a change that a token's scopes do not allow. */
void audit_request_refused(void *context, struct request *request, const struct fault *fault);

#endif
