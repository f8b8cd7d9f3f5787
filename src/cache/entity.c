/* SPDX-License-Identifier: MIT */
/* Fills an entity's templates; see entity.h. */
#include "cache/entity.h"

void entity_visit(
	const struct conf_entity *entity, struct slice id, const struct entity_visitor *visitor)
{
	struct buf name = {0};

	for (size_t i = 0; i < entity->key_count; i++) {
		buf_clear(&name);
		template_fill_one(entity->keys[i].key, TEMPLATE_LITERAL, id, &name);
		visitor->key(visitor->context, buf_slice(&name));
	}
	for (size_t i = 0; i < entity->pattern_count; i++) {
		buf_clear(&name);
		template_fill_one(entity->patterns[i], TEMPLATE_GLOB, id, &name);
		visitor->pattern(visitor->context, buf_slice(&name));
	}
	for (size_t i = 0; i < entity->tag_count && visitor->tag; i++) {
		buf_clear(&name);
		template_fill_one(entity->tags[i], TEMPLATE_LITERAL, id, &name);
		visitor->tag(visitor->context, buf_slice(&name));
	}
	buf_release(&name);
}
