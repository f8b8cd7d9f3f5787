/* SPDX-License-Identifier: MIT */
/* Fills an entity's templates; see entity.h. */
#include "cache/entity.h"

#include "cache/guard.h"

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

/* Which keys the entity has, for a message. */
static void list_names(const struct conf_entity *entity, struct buf *out)
{
	for (size_t i = 0; i < entity->key_count; i++)
		if (entity->keys[i].name)
			buf_printf(out, "%s%s", out->n ? ", " : "", entity->keys[i].name);
}

static enum error unknown_name(
	const struct conf_entity *entity, struct slice name, struct fault *fault)
{
	struct buf known = {0};

	list_names(entity, &known);
	fault_at(fault, ERR_BAD_BODY, "/name", "the entity %s has no key named '%.*s'; it has: %s",
		entity->name, (int)(name.n < 60 ? name.n : 60), name.p, known.n ? known.p : "none");
	buf_release(&known);
	return ERR_BAD_BODY;
}

enum error entity_key(const struct conf *conf, const struct entity_name *which, struct buf *out,
	struct fault *fault)
{
	const struct conf_entity *entity = conf_entity(conf, which->entity);

	if (!entity)
		return fault_at(fault, ERR_BAD_BODY, "/entity",
			"there is no entity '%.*s' in the configuration",
			(int)(which->entity.n < 60 ? which->entity.n : 60), which->entity.p);
	for (size_t i = 0; i < entity->key_count; i++) {
		const struct conf_entity_key *key = &entity->keys[i];

		if (!key->name || !slice_is(which->name, key->name))
			continue;
		template_fill_one(key->key, TEMPLATE_LITERAL, which->id, out);
		return guard_check_key(buf_slice(out), fault);
	}
	return unknown_name(entity, which->name, fault);
}
