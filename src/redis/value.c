/* SPDX-License-Identifier: MIT */
/* Freeing replies, and the meaning of error replies. */
#include "redis/value.h"

#include <string.h>

#include "base/mem.h"
#include "redis/value_block.h"

/* The first words of error replies, and what they mean. Others are ERR_REDIS_ERROR. */
static const struct meaning {
	const char *words;
	enum error error;
	enum redis_refusal refusal;
} meanings[] = {
	{"LOADING ", ERR_REDIS_LOADING, REFUSAL_STATE},
	{"BUSY ", ERR_REDIS_BUSY, REFUSAL_STATE},
	{"OOM ", ERR_REDIS_OOM, REFUSAL_STATE},
	{"READONLY ", ERR_REDIS_READONLY, REFUSAL_REPLICA},
	{"MISCONF ", ERR_REDIS_READONLY, REFUSAL_STATE},
	{"NOREPLICAS ", ERR_REDIS_READONLY, REFUSAL_STATE},
	{"MASTERDOWN ", ERR_REDIS_UNAVAILABLE, REFUSAL_NO_PRIMARY},
	{"CLUSTERDOWN ", ERR_REDIS_UNAVAILABLE, REFUSAL_CLUSTER},
	{"TRYAGAIN ", ERR_REDIS_UNAVAILABLE, REFUSAL_TRY_AGAIN},
	{"MOVED ", ERR_REDIS_ERROR, REFUSAL_MOVED},
	{"ASK ", ERR_REDIS_ERROR, REFUSAL_MOVED},
	{"CROSSSLOT ", ERR_REDIS_ERROR, REFUSAL_CLUSTER},
	{"NOAUTH ", ERR_REDIS_AUTH, REFUSAL_STATE},
	{"WRONGPASS ", ERR_REDIS_AUTH, REFUSAL_STATE},
	{"NOPERM ", ERR_REDIS_NOPERM, REFUSAL_NOPERM},
	{"WRONGTYPE ", ERR_WRONG_TYPE, REFUSAL_STATE},
	{"ERR max number of clients", ERR_REDIS_UNAVAILABLE, REFUSAL_STATE},
	{"ERR AUTH ", ERR_REDIS_AUTH, REFUSAL_STATE},
	{"ERR invalid pass", ERR_REDIS_AUTH, REFUSAL_STATE},
	{"", ERR_REDIS_ERROR, REFUSAL_OTHER},
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

static const struct meaning *meaning_of(struct slice text)
{
	const struct meaning *meaning = meanings;

	while (!slice_starts(text, slice_str(meaning->words)))
		meaning++;
	return meaning;
}

/*
 * Before version 7 Redis wraps the error of a script's command:
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
	enum error error = meaning_of(text)->error;

	return fault_set(fault, error, "Redis answered \"%.*s\"%s", n, text.p,
		error == ERR_REDIS_OOM ? ": raise maxmemory, or set a maxmemory-policy that evicts"
				       : "");
}

/* *ret = what follows `words` in the text; untouched if they are not in it. */
static bool find(struct slice text, struct slice words, struct slice *ret)
{
	const char *at = memmem(text.p, text.n, words.p, words.n);

	if (at)
		*ret = slice_skip(text, (size_t)(at - text.p) + words.n);
	return at != NULL;
}

/* How refusals of a command within MULTI, or outside of it, are worded by Redis and Valkey. */
static bool is_about_multi(struct slice text)
{
	static const char *const words[] = {
		"without MULTI", "nested", "inside MULTI", "inside a transaction"};
	struct slice rest;

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (find(text, slice_str(words[i]), &rest))
			return true;
	return false;
}

/*
 * "NOPERM ... has no permissions to run the 'xadd' command", of EXEC "EXECABORT ... NOPERM ...", of
 * a script's command "ERR ACL failure in script: ... to run the 'time' command"; "ERR unknown
 * command 'XADD', ...". `client|setname` is a subcommand.
 */
enum redis_refusal redis_value_refusal(const struct redis_value *value, struct slice *ret_command)
{
	if (value->type != REDIS_ERROR)
		return REFUSAL_NONE;
	struct slice text = unwrapped(value->text), name = SLICE("");
	enum redis_refusal refusal = meaning_of(text)->refusal;

	if (find(text, SLICE("to run the '"), &name))
		refusal = REFUSAL_DENIED;
	else if (refusal != REFUSAL_NOPERM && is_about_multi(text))
		refusal = REFUSAL_MULTI;
	else if (refusal == REFUSAL_OTHER && find(text, SLICE("unknown command '"), &name))
		refusal = REFUSAL_UNKNOWN;
	if (ret_command)
		*ret_command = slice_of(name.p, strcspn(name.p, "'"));
	return refusal;
}

enum error redis_value_number(const struct redis_value *array, size_t i, int64_t least,
	int64_t most, int64_t *ret, struct fault *fault)
{
	const struct redis_value *item =
		array->type == REDIS_ARRAY && i < array->count ? array->items[i] : NULL;

	if (!item || item->type != REDIS_INTEGER || item->integer < least || item->integer > most)
		return fault_set(fault, ERR_REDIS_PROTOCOL,
			"Redis answered a script with something other than its result");
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
