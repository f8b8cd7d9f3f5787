/* SPDX-License-Identifier: MIT */
/*
 * Secrets within text, which the name before them tells: --password=X, --token X, PGPASSWORD=X,
 * Authorization: X, https://user:X@host/?api_key=X.
 */
#ifndef CW_CONF_MASK_H
#define CW_CONF_MASK_H

#include "base/buf.h"

/* Appends the text with "<redacted>" instead of each secret; ${env:NAME} is kept. */
void mask_text(struct slice text, struct buf *out);
/* Whether the text is an option whose value, the next argument, is a secret: --password. */
bool mask_next(struct slice argument);

#endif
