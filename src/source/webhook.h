/* SPDX-License-Identifier: MIT */
/* Sends a JSON body to an address of the configuration: one POST, no redirects. */
#ifndef CW_SOURCE_WEBHOOK_H
#define CW_SOURCE_WEBHOOK_H

#include "source/source.h"

struct webhook_call {
	const char *url, *url_shown; /* the latter for messages */
	const char *secret;	     /* of the signature; NULL = not signed */
	struct slice body;
	int64_t deadline;
};

/*
 * OK: answered with 2xx. ERR_SOURCE_FAILED with what, where and why; *ret_again says whether a
 * later try may succeed: no answer, 408, 429, 5xx. The request has the header
 * X-Cachewarden-Signature: sha256=HEX, the HMAC-SHA256 of the body with the secret. Parks.
 */
enum error webhook_post(struct sources *sources, const struct webhook_call *call, bool *ret_again,
	struct fault *fault);

#endif
