/* SPDX-License-Identifier: MIT */
/*
 * Merging a patch into a text; see json_merge.h.
 *
 * Special: an object of the patch is sorted by its decoded names, so that no choice of names makes
 * the merge quadratic. It recurses as deep as the patch goes, which the limits bound.
 */
#include "text/json_merge.h"

#include <stdlib.h>

#include "base/mem.h"

/* A member of a patch's object. */
struct change {
	struct slice name; /* decoded */
	struct slice raw;  /* with its quotes */
	struct json_value value;
	bool done;
};

struct changes {
	struct change *all;
	struct change **sorted;
	size_t count;
	struct buf names;
};

static struct slice raw_name(const struct json_iter *it)
{
	return slice_of(it->name.p - 1, it->name.n + 2);
}

static void decode_name(const struct json_iter *it, struct buf *out)
{
	json_decode_string((struct json_value){JSON_STRING, raw_name(it)}, out);
}

static int by_name(const void *a, const void *b)
{
	const struct change *const *x = a, *const *y = b;

	return slice_compare((*x)->name, (*y)->name);
}

static void changes_init(struct changes *changes, struct json_value patch)
{
	size_t at = 0;

	*changes = (struct changes){0};
	for (struct json_iter it = json_iterate(patch); json_next(&it);)
		changes->count++;
	changes->all = mem_array(changes->count, sizeof *changes->all);
	changes->sorted = mem_array(changes->count, sizeof(struct change *));
	/* A name is never longer than its text: the bytes stay where they are. */
	buf_reserve(&changes->names, patch.text.n + 1);
	for (struct json_iter it = json_iterate(patch); json_next(&it); at++) {
		size_t before = changes->names.n;

		decode_name(&it, &changes->names);
		changes->all[at] =
			(struct change){.name = slice_skip(buf_slice(&changes->names), before),
				.raw = raw_name(&it),
				.value = it.value};
		changes->sorted[at] = &changes->all[at];
	}
	qsort(changes->sorted, changes->count, sizeof(struct change *), by_name);
}

static void changes_release(struct changes *changes)
{
	mem_free(changes->all);
	mem_free(changes->sorted);
	buf_release(&changes->names);
}

static struct change *find(const struct changes *changes, struct slice name)
{
	const struct change key = {.name = name}, *wanted = &key;
	struct change **found =
		bsearch(&wanted, changes->sorted, changes->count, sizeof(struct change *), by_name);

	return found ? *found : NULL;
}

static void merge_value(const struct json_value *target, struct json_value patch, struct buf *out);

static void begin_member(struct slice name, struct buf *out)
{
	if (out->p[out->n - 1] != '{')
		buf_char(out, ',');
	buf_add(out, name);
	buf_char(out, ':');
}

/* A member of the target, as it is or as `change` (which may be NULL) has it. */
static void keep_member(const struct json_iter *it, struct change *change, struct buf *out)
{
	if (change)
		change->done = true;
	if (change && change->value.type == JSON_NULL)
		return;
	begin_member(raw_name(it), out);
	if (change)
		merge_value(&it->value, change->value, out);
	else
		buf_add(out, it->value.text);
}

static void add_member(const struct change *change, struct buf *out)
{
	begin_member(change->raw, out);
	merge_value(NULL, change->value, out);
}

/* `target` is NULL where there is nothing, or no object, to merge into. */
static void merge_object(const struct json_value *target, struct json_value patch, struct buf *out)
{
	struct changes changes;
	struct buf name = {0};

	changes_init(&changes, patch);
	buf_char(out, '{');
	for (struct json_iter it = target ? json_iterate(*target) : (struct json_iter){0};
		json_next(&it);) {
		buf_clear(&name);
		decode_name(&it, &name);
		keep_member(&it, find(&changes, buf_slice(&name)), out);
	}
	for (size_t i = 0; i < changes.count; i++)
		if (!changes.all[i].done && changes.all[i].value.type != JSON_NULL)
			add_member(&changes.all[i], out);
	buf_char(out, '}');
	changes_release(&changes);
	buf_release(&name);
}

static void merge_value(const struct json_value *target, struct json_value patch, struct buf *out)
{
	if (patch.type == JSON_OBJECT)
		merge_object(target && target->type == JSON_OBJECT ? target : NULL, patch, out);
	else
		buf_add(out, patch.text);
}

enum error json_merge(struct slice target, struct slice patch, const struct json_limits *limits,
	struct buf *out, struct fault *fault)
{
	enum error error = json_check(patch, limits, fault);
	size_t before = out->n;

	if (error)
		return error;
	struct json_value root = json_root(target);

	merge_value(&root, json_root(patch), out);
	error = json_check(slice_skip(buf_slice(out), before), limits, fault);
	if (error) {
		out->n = before;
		out->p[before] = '\0';
	}
	return error;
}
