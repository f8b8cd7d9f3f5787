/* SPDX-License-Identifier: MIT */
/* Reading what sentinels say; see sentinel_answer.h. */
#include "store/sentinel_answer.h"

#include <stdio.h>
#include <string.h>

bool sentinel_answer_equal(const struct sentinel_answer *a, const struct sentinel_answer *b)
{
	return a->port == b->port && strcmp(a->host, b->host) == 0;
}

static bool is_host(struct slice text)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789-_.:%";

	if (text.n == 0 || text.n > SENTINEL_HOST_BYTES)
		return false;
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] == '\0' || !strchr(allowed, text.p[i]))
			return false;
	return true;
}

static bool take_address(struct slice host, struct slice port, struct sentinel_answer *ret)
{
	uint64_t number;

	if (!is_host(host) || !slice_uint64(port, &number) || number == 0 || number > UINT16_MAX)
		return false;
	*ret = (struct sentinel_answer){.port = (uint16_t)number};
	memcpy(ret->host, host.p, host.n);
	return true;
}

enum error sentinel_answer_parse(const struct redis_value *reply, const char *master,
	struct sentinel_answer *ret, struct fault *fault)
{
	struct fault said;

	*ret = (struct sentinel_answer){0};
	if (redis_value_error(reply, &said))
		return fault_set(fault, said.error, "refuses to tell the primary: %s", said.detail);
	if (reply->type == REDIS_NIL)
		return fault_set(fault, ERR_REDIS_UNAVAILABLE,
			"knows no primary named %s: check the name in redis.url", master);
	if (reply->type == REDIS_ARRAY && reply->count == 2 &&
		take_address(redis_value_item(reply, 0), redis_value_item(reply, 1), ret))
		return OK;
	return fault_set(fault, ERR_REDIS_UNAVAILABLE,
		"answers with something that is no host and port; is it a sentinel?");
}

int64_t sentinel_answer_epoch(const struct redis_value *reply)
{
	uint64_t epoch;

	if (!reply || reply->type != REDIS_ARRAY)
		return 0;
	for (size_t i = 0; i + 1 < reply->count; i += 2)
		if (slice_is(redis_value_item(reply, i), "config-epoch") &&
			slice_uint64(redis_value_item(reply, i + 1), &epoch) &&
			epoch <= (uint64_t)REDIS_MAX_NUMBER)
			return (int64_t)epoch;
	return 0;
}

/* Takes the text up to the next blank off *left. */
static struct slice next_word(struct slice *left)
{
	const char *blank = left->n ? memchr(left->p, ' ', left->n) : NULL;
	struct slice word = slice_of(left->p, blank ? (size_t)(blank - left->p) : left->n);

	*left = slice_skip(*left, word.n + (blank != NULL));
	return word;
}

bool sentinel_answer_switch(const struct redis_value *message, const char *master,
	struct sentinel_answer *ret_before, struct sentinel_answer *ret_now)
{
	struct slice words[5], left;

	if (message->type != REDIS_ARRAY || message->count != 3 ||
		!slice_is(redis_value_item(message, 1), "+switch-master"))
		return false;
	left = redis_value_item(message, 2);
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		words[i] = next_word(&left);
	return left.n == 0 && slice_is(words[0], master) &&
	       take_address(words[1], words[2], ret_before) &&
	       take_address(words[3], words[4], ret_now);
}
