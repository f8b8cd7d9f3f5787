/* SPDX-License-Identifier: MIT */
/*
 * Confirmations: a token proves that its sender has seen how many keys the same selectors would
 * remove. They are kept in this process for five minutes, the newest 1,000 of them.
 */
#ifndef CW_INVALIDATE_CONFIRM_H
#define CW_INVALIDATE_CONFIRM_H

#include "base/crypto.h"
#include "invalidate/invalidation.h"

enum { CONFIRM_MS = 5 * 60 * 1000, CONFIRM_MAX = 1000, CONFIRM_DIGITS = 32 };

/* Of the selectors in a canonical order: the same for the same selection, however it is written. */
void confirm_digest(const struct invalidation *asked, uint8_t digest[SHA256_BYTES]);

struct confirms;

struct confirms *confirms_new(void);
void confirms_free(struct confirms *confirms);
/* A new token of hexadecimal digits. */
void confirms_issue(struct confirms *confirms, const uint8_t digest[SHA256_BYTES],
	char token[CONFIRM_DIGITS + 1]);
bool confirms_valid(
	const struct confirms *confirms, const char *token, const uint8_t digest[SHA256_BYTES]);

#endif
