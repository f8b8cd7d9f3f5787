/* SPDX-License-Identifier: MIT */
/* Freeing replies, and what an error reply means. */
#include "redis/value.h"

#include <string.h>

#include "base/mem.h"
#include "redis/value_block.h"

/* The first word of an error reply, and what it is to us. Others are ERR_REDIS_ERROR. */
static const struct {
	const char *word;
	enum error error;
} meanings[] = {
	{"LOADING", ERR_REDIS_LOADING},
	{"BUSY", ERR_REDIS_BUSY},
	{"OOM", ERR_REDIS_OOM},
	{"READONLY", ERR_REDIS_READONLY},
	{"MISCONF", ERR_REDIS_READONLY},
	{"NOREPLICAS", ERR_REDIS_READONLY},
	{"MASTERDOWN", ERR_REDIS_UNAVAILABLE},
	{"CLUSTERDOWN", ERR_REDIS_UNAVAILABLE},
	{"TRYAGAIN", ERR_REDIS_UNAVAILABLE},
	{"NOAUTH", ERR_REDIS_AUTH},
	{"WRONGPASS", ERR_REDIS_AUTH},
	{"NOPERM", ERR_REDIS_NOPERM},
	{"WRONGTYPE", ERR_WRONG_TYPE},
};

void redis_value_free(struct redis_value *value)
{
	if (!value)
		return;
	char *data = (char *)value;
	struct value_block *next, *block = (void *)(data - offsetof(struct value_block, data));

	for (; block; block = next) {
		next = block->next;
		mem_free(block);
	}
}

static enum error meaning(struct slice text)
{
	const char *end = memchr(text.p, ' ', text.n);
	struct slice word = slice_of(text.p, end ? (size_t)(end - text.p) : text.n);

	for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++)
		if (slice_is(word, meanings[i].word))
			return meanings[i].error;
	if (slice_starts(text, SLICE("ERR max number of clients")))
		return ERR_REDIS_UNAVAILABLE;
	if (slice_starts(text, SLICE("ERR AUTH ")) || slice_starts(text, SLICE("ERR invalid pass")))
		return ERR_REDIS_AUTH;
	return ERR_REDIS_ERROR;
}

/*
 * Before version 7 Redis wraps what a script's command was refused with:
 * "ERR Error running script (call to f_...): @user_script:1: [@user_script: 1: -]WRONGTYPE ..."
 */
static struct slice unwrapped(struct slice text)
{
	static const char mark[] = "@user_script:";
	const char *at, *end = slice_end(text);

	if (!slice_starts(text, SLICE("ERR Error running script")))
		return text;
	while ((at = memmem(text.p, text.n, mark, sizeof mark - 1))) {
		at += sizeof mark - 1;
		at += strspn(at, " 0123456789");
		at += strspn(at, ": -");
		text = slice_of(at, (size_t)(end - at));
	}
	return text;
}

enum error redis_value_error(const struct redis_value *value, struct fault *fault)
{
	if (value->type != REDIS_ERROR)
		return OK;
	struct slice text = unwrapped(value->text);
	int n = text.n > 400 ? 400 : (int)text.n;

	return fault_set(fault, meaning(text), "Redis answered \"%.*s\"", n, text.p);
}

enum error redis_value_number(const struct redis_value *array, size_t i, int64_t least,
	int64_t most, int64_t *ret, struct fault *fault)
{
	const struct redis_value *item =
		array->type == REDIS_ARRAY && i < array->count ? array->items[i] : NULL;

	if (!item || item->type != REDIS_INTEGER || item->integer < least || item->integer > most)
		return fault_set(fault, ERR_REDIS_PROTOCOL,
			"Redis answered a script with something else than its result");
	*ret = item->integer;
	return OK;
}

struct slice redis_value_item(const struct redis_value *array, size_t i)
{
	if (array->type != REDIS_ARRAY || i >= array->count ||
		array->items[i]->type != REDIS_STRING)
		return SLICE("");
	return array->items[i]->text;
}
