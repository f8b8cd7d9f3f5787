/* SPDX-License-Identifier: MIT */
/* INFO of a server that says what it likes. */
#include "redis/info.h"

#include "fuzz.h"

void fuzz_one(struct slice input)
{
	unsigned database = fuzz_byte(&input) % 16u;
	struct redis_info info;

	redis_info_parse(input, database, &info);
	FUZZ_CHECK(info.keys >= -1 && info.hits >= -1 && info.used_memory >= -1);
	redis_info_release(&info);
}
