/* SPDX-License-Identifier: MIT */
/* Replies from their bytes. */
#ifndef CW_TESTS_REDIS_REPLY_H
#define CW_TESTS_REDIS_REPLY_H

#include "redis/value.h"

/* One reply; the caller frees it. */
struct redis_value *reply_of(const char *bytes);

#endif
