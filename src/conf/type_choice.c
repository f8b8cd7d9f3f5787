/* SPDX-License-Identifier: MIT */
/* Types whose values are one of several words. */
#include <string.h>

#include "conf/reader.h"

/* Takes the next word from *rest; empty at the end. */
static struct slice next_word(const char **rest)
{
	size_t n;

	*rest += strspn(*rest, " ");
	n = strcspn(*rest, " ");
	*rest += n;
	return slice_of(*rest - n, n);
}

static const char *list_choices(struct reader *r, const char *choices)
{
	struct buf list = {0};
	const char *sentence;

	for (struct slice word = next_word(&choices); word.n; word = next_word(&choices)) {
		if (word.p[0] == '!')
			continue;
		if (list.n)
			buf_str(&list, ", ");
		buf_add(&list, word);
	}
	sentence = reader_say(r, "must be one of: %s", list.p);
	buf_release(&list);
	return sentence;
}

static const char *choose(
	struct reader *r, const struct key *key, const struct node *node, unsigned *ret)
{
	const char *rest = key->choices;
	unsigned index = 0;

	if (node->kind != NODE_SCALAR)
		return list_choices(r, key->choices);
	for (struct slice word = next_word(&rest); word.n; word = next_word(&rest), index++) {
		bool later = word.p[0] == '!';

		if (later)
			word = slice_skip(word, 1);
		if (!slice_equal(word, node->text))
			continue;
		if (later)
			return reader_say(
				r, "%.*s is not supported by this version", (int)word.n, word.p);
		*ret = index;
		return NULL;
	}
	return list_choices(r, key->choices);
}

/* Into an enum. */
static const char *set_choice(
	struct reader *r, const struct key *key, struct node *node, void *object)
{
	unsigned index;
	const char *wrong = choose(r, key, node, &index);

	if (!wrong)
		memcpy((char *)object + key->offset, &index, sizeof index);
	return wrong;
}
const struct type type_choice = {.set = set_choice};

/* Into a bool: the second word is true. */
static const char *set_choice_bool(
	struct reader *r, const struct key *key, struct node *node, void *object)
{
	unsigned index;
	const char *wrong = choose(r, key, node, &index);

	if (!wrong)
		*(bool *)((char *)object + key->offset) = index != 0;
	return wrong;
}
const struct type type_choice_bool = {.set = set_choice_bool};

/* Into a string. */
static const char *set_choice_text(
	struct reader *r, const struct key *key, struct node *node, void *object)
{
	unsigned index;
	const char *wrong = choose(r, key, node, &index);

	if (!wrong)
		*(char **)((char *)object + key->offset) = arena_dup(r->arena, node->text);
	return wrong;
}
const struct type type_choice_text = {.set = set_choice_text};

/* The type of planned keys; KEY_LATER prevents that it is called. */
static const char *set_later(
	struct reader *r, const struct key *key, struct node *node, void *object)
{
	(void)r, (void)key, (void)node, (void)object;
	return "is not supported by this version";
}
const struct type type_later = {.set = set_later};
