/* SPDX-License-Identifier: MIT */
/* Replies of Redis as literals. */
#ifndef CW_TESTS_UNIT_WATCH_VALUE_H
#define CW_TESTS_UNIT_WATCH_VALUE_H

#include "redis/value.h"

/* clang-format off */
#define NUMBER(n) (&(struct redis_value){.type = REDIS_INTEGER, .integer = (n)})
#define TEXT(t) (&(struct redis_value){.type = REDIS_STRING, .text = SLICE(t)})
#define LIST(...) \
	(&(struct redis_value){.type = REDIS_ARRAY, .items = (struct redis_value *[]){__VA_ARGS__}, \
		.count = sizeof((struct redis_value *[]){__VA_ARGS__}) / \
			 sizeof(struct redis_value *)})
/* clang-format on */

#endif
