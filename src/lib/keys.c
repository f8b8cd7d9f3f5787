/* SPDX-License-Identifier: MIT */
/* Keys built from parts or from an entity, without Redis. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cache/entity.h"
#include "cache/keygen.h"
#include "lib/args.h"

/* Without a handle there is no hook; nothing is written to standard error here either. */
static const struct mem_hook no_hook;

enum { digits_bytes = 24 };

static struct keygen_part part_of(const struct cw_part *part, char digits[digits_bytes])
{
	struct keygen_part ret = {.text = args_slice(part->text), .name = slice_str(part->name)};

	if (!part->name)
		ret.name.p = NULL;
	switch (part->kind) {
	case CW_PART_TEXT:
		ret.kind = KEYGEN_TEXT;
		break;
	case CW_PART_INTEGER:
		ret.kind = KEYGEN_INTEGER;
		ret.text = slice_of(
			digits, (size_t)snprintf(digits, digits_bytes, "%" PRId64, part->integer));
		break;
	case CW_PART_DIGITS:
		ret.kind = KEYGEN_INTEGER;
		break;
	case CW_PART_BOOL:
		ret.kind = part->integer ? KEYGEN_TRUE : KEYGEN_FALSE;
		break;
	case CW_PART_NULL:
		ret.kind = KEYGEN_NULL;
		break;
	}
	return ret;
}

static void take_key(struct buf *text, struct cw_key *ret)
{
	ret->size = text->n < sizeof ret->text ? text->n : 0;
	memcpy(ret->text, text->p, ret->size);
	ret->text[ret->size] = '\0';
}

enum cw_status cw_key_make(struct cw_bytes prefix, const struct cw_part *parts, size_t count,
	struct cw_key *ret, struct cw_error *error)
{
	struct keygen_part made[KEYGEN_MAX_PARTS];
	char digits[KEYGEN_MAX_PARTS][digits_bytes];
	struct fault fault = {0};
	struct buf text = {0};
	const struct mem_hook *before = mem_use_hook(&no_hook);

	/* Further parts are not needed: their number is refused. */
	for (size_t i = 0; i < count && i < KEYGEN_MAX_PARTS; i++)
		made[i] = part_of(&parts[i], digits[i]);
	if (keygen_key(args_slice(prefix), made, count, &text, &fault) == OK)
		take_key(&text, ret);
	buf_release(&text);
	mem_use_hook(before);
	return status_set(error, &fault);
}

enum cw_status cw_entity_key(struct cw_cache *handle, const char *entity, const char *name,
	struct cw_bytes id, struct cw_key *ret, struct cw_error *error)
{
	const struct entity_name which = {slice_str(entity), slice_str(name), args_slice(id)};
	const struct mem_hook *before = mem_use_hook(&handle->hook);
	struct fault fault = {0};
	struct buf text = {0};

	if (id.size == 0)
		fault_set(&fault, ERR_BAD_BODY, "the id is empty");
	else if (entity_key(handle->engine.cache.conf, &which, &text, &fault) == OK)
		take_key(&text, ret);
	buf_release(&text);
	mem_use_hook(before);
	return status_set(error, &fault);
}
