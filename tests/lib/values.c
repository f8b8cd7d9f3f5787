/* SPDX-License-Identifier: MIT */
/* values URL ROUNDS: single values and many, and random bytes under random keys. */
#include "check.h"

static struct cw_cache *cache;

static void single(void)
{
	struct cw_store how = {.ttl = 60};
	struct cw_value value;
	int64_t ttl;
	bool there;
	size_t deleted;

	FAILS(cw_get(cache, cw_str("a"), &value, &error), CW_NOT_FOUND);
	CHECK(!value.data);
	OK(cw_set(cache, cw_str("a"), cw_str("one"), &how, &error));
	OK(cw_get(cache, cw_str("a"), &value, &error));
	CHECK(value_is(&value, "one") && value.ttl == 60 && value.origin == CW_HIT);
	cw_value_release(&value);
	OK(cw_ttl(cache, cw_str("a"), &ttl, &error));
	CHECK(ttl == 60);
	OK(cw_expire(cache, cw_str("a"), CW_TTL_NONE, &error));
	OK(cw_ttl(cache, cw_str("a"), &ttl, NULL));
	CHECK(ttl == CW_TTL_NONE);
	OK(cw_exists(cache, cw_str("a"), &there, &error));
	CHECK(there);
	OK(cw_delete(cache, cw_str("a"), &deleted, &error));
	CHECK(deleted == 1);
	OK(cw_delete(cache, cw_str("a"), &deleted, &error));
	CHECK(deleted == 0);
	OK(cw_exists(cache, cw_str("a"), &there, &error));
	CHECK(!there);
	FAILS(cw_ttl(cache, cw_str("a"), &ttl, &error), CW_NOT_FOUND);
	FAILS(cw_expire(cache, cw_str("a"), 5, &error), CW_NOT_FOUND);
	OK(cw_set(cache, cw_str("a"), cw_str(""), NULL, &error));
	OK(cw_get(cache, cw_str("a"), &value, &error));
	CHECK(value_is(&value, "") && value.ttl == 3600);
	cw_value_release(&value);
}

static void modes(void)
{
	const struct cw_store missing = {.mode = CW_IF_MISSING}, present = {.mode = CW_IF_PRESENT};

	FAILS(cw_set(cache, cw_str("m"), cw_str("1"), &present, &error), CW_EXISTS);
	OK(cw_set(cache, cw_str("m"), cw_str("1"), &missing, &error));
	FAILS(cw_set(cache, cw_str("m"), cw_str("2"), &missing, &error), CW_EXISTS);
	OK(cw_set(cache, cw_str("m"), cw_str("2"), &present, &error));
}

static void many(void)
{
	const struct cw_bytes keys[] = {
		cw_str("n:1"), cw_str("n:none"), cw_str("a-list"), cw_str("n:2")};
	const struct cw_entry entries[] = {{.key = keys[0], .value = cw_str("eins")},
		{.key = keys[3], .value = cw_str("zwei"), .how = {.ttl = 7}}};
	struct cw_value values[4];
	size_t stored, deleted;

	OK(cw_mset(cache, entries, 2, &stored, &error));
	CHECK(stored == 2);
	OK(cw_mget(cache, cw_list(keys, 4), values, &error));
	CHECK(value_is(&values[0], "eins") && values[0].status == CW_OK);
	CHECK(!values[1].data && values[1].status == CW_NOT_FOUND);
	CHECK(!values[2].data && values[2].status == CW_WRONG_TYPE);
	CHECK(value_is(&values[3], "zwei") && values[3].ttl == 7);
	for (int i = 0; i < 4; i++)
		cw_value_release(&values[i]);
	OK(cw_mdelete(cache, cw_list(keys, 2), &deleted, &error));
	CHECK(deleted == 1);
	FAILS(cw_mset(cache, entries, 0, &stored, &error), CW_BAD_ARGUMENT);
	FAILS(cw_mget(cache, cw_list(keys, 0), values, &error), CW_BAD_ARGUMENT);
}

static void refused(void)
{
	struct cw_store how = {0};
	struct cw_value value;
	char *big = calloc(1, 2000000);

	FAILS(cw_get(cache, cw_str(""), &value, &error), CW_BAD_ARGUMENT);
	FAILS(cw_get(cache, cw_bytes(big, 1025), &value, &error), CW_BAD_ARGUMENT);
	FAILS(cw_get(cache, cw_str("cw:inval"), &value, &error), CW_FORBIDDEN);
	FAILS(cw_get(cache, cw_str("session:1"), &value, &error), CW_FORBIDDEN);
	FAILS(cw_get(cache, cw_str("a-list"), &value, &error), CW_WRONG_TYPE);
	FAILS(cw_set(cache, cw_str("a"), cw_bytes(big, 2000000), NULL, &error), CW_TOO_LARGE);
	how.ttl = -2;
	FAILS(cw_set(cache, cw_str("a"), cw_str(""), &how, &error), CW_BAD_ARGUMENT);
	how.ttl = 315360001;
	FAILS(cw_set(cache, cw_str("a"), cw_str(""), &how, &error), CW_BAD_ARGUMENT);
	FAILS(cw_expire(cache, cw_str("a"), -2, &error), CW_BAD_ARGUMENT);
	free(big);
}

static uint64_t seed = 42;

static void fill(char *to, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		to[i] = (char)(seed >> 56);
	}
}

static void round_trip(void)
{
	char key[64], bytes[512];
	struct cw_value value;
	unsigned char sizes[3];

	fill((char *)sizes, sizeof sizes);
	size_t key_size = 8 + sizes[0] % 56, size = (size_t)sizes[1] + sizes[2];

	fill(key, key_size);
	fill(bytes, size);
	/* Neither ours nor a protected one by chance. */
	key[0] = 'r';
	OK(cw_set(cache, cw_bytes(key, key_size), cw_bytes(bytes, size), NULL, &error));
	OK(cw_get(cache, cw_bytes(key, key_size), &value, &error));
	CHECK(value.size == size && memcmp(value.data, bytes, size) == 0 && !value.data[size]);
	cw_value_release(&value);
}

int main(int argc, char **argv)
{
	CHECK(argc == 3);
	cache = open_cache(argv[1], NULL);
	single();
	modes();
	many();
	refused();
	for (int i = atoi(argv[2]); i > 0; i--)
		round_trip();
	cw_close(cache);
	return 0;
}
