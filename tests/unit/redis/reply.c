/* SPDX-License-Identifier: MIT */
#include "reply.h"

#include "../unit.h"
#include "redis/resp.h"

struct redis_value *reply_of(const char *bytes)
{
	struct resp *reader = resp_new();
	struct redis_value *value = NULL;
	size_t used;

	ck_assert_int_eq(resp_feed(reader, slice_str(bytes), &used, &value), RESP_VALUE);
	ck_assert_uint_eq(used, slice_str(bytes).n);
	resp_free(reader);
	return value;
}
