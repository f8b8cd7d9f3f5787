/* SPDX-License-Identifier: MIT */
/*
 * What is known about one key; see explain.h.
 *
 *	TYPE PTTL STRLEN GETRANGE MEMORY -> what is stored
 *	configuration -> namespace, entities with their tags, protection
 *	tags' sets, stored dependents, invalidation log -> what can invalidate it
 */
#include "invalidate/explain.h"

#include <stdio.h>

#include "base/mem.h"
#include "cache/codec.h"
#include "cache/dependency.h"
#include "cache/entry.h"
#include "cache/guard.h"
#include "cache/soft_purge.h"
#include "invalidate/explain_internal.h"

enum { entity_tags_max = 1000 };

enum stored_place { TYPE, MARK, PTTL, LENGTH, HEAD, MEMORY };

static int64_t number_of(const struct redis_value *reply)
{
	return reply->type == REDIS_INTEGER ? reply->integer : -1;
}

static void take_stored(const struct conf *conf, struct slice key, const struct redis_batch *batch,
	struct explain *ret)
{
	struct slice type = redis_batch_reply(batch, TYPE)->text;
	const struct redis_value *head = redis_batch_reply(batch, HEAD);

	snprintf(ret->type, sizeof ret->type, "%.*s", (int)type.n, type.p);
	ret->exists = !slice_is(type, "none");
	ret->ttl_ms = entry_shown_ttl(conf, key, redis_batch_reply(batch, PTTL)->integer,
		redis_batch_reply(batch, MARK)->integer);
	ret->stale = ret->ttl_ms == 0;
	ret->bytes = ret->exists ? number_of(redis_batch_reply(batch, LENGTH)) : -1;
	ret->memory_bytes = number_of(redis_batch_reply(batch, MEMORY));
	ret->compressed = head->type == REDIS_STRING && codec_is_compressed(head->text);
}

/* Parks. */
static enum error read_stored(struct cache *cache, const struct conf *conf, struct slice key,
	struct explain *ret, struct fault *fault)
{
	struct redis_batch *batch = redis_batch_new();
	struct buf mark = {0};

	soft_purge_key(cache, key, &mark);
	REDIS_ADD(batch, SLICE("TYPE"), key);
	REDIS_ADD(batch, SLICE("PTTL"), buf_slice(&mark));
	buf_release(&mark);
	REDIS_ADD(batch, SLICE("PTTL"), key);
	REDIS_ADD(batch, SLICE("STRLEN"), key);
	REDIS_ADD(batch, SLICE("GETRANGE"), key, SLICE("0"), SLICE("31"));
	REDIS_ADD(batch, SLICE("MEMORY"), SLICE("USAGE"), key);
	enum error error = cache_run(cache, REDIS_COMMANDS, batch, fault);

	if (!error)
		error = redis_value_error(redis_batch_reply(batch, TYPE), fault);
	if (!error)
		error = redis_value_error(redis_batch_reply(batch, PTTL), fault);
	if (!error)
		error = redis_value_error(redis_batch_reply(batch, MARK), fault);
	if (!error)
		take_stored(conf, key, batch, ret);
	redis_batch_free(batch);
	return error;
}

/* The tags that an entity gives the key. */
static void add_tags(const struct conf_entity *entity, struct slice id, struct name_list *tags)
{
	struct buf name = {0};

	for (size_t i = 0; i < entity->tag_count && tags->count < entity_tags_max; i++) {
		buf_clear(&name);
		template_fill_one(entity->tags[i], TEMPLATE_LITERAL, id, &name);
		name_list_add(tags, buf_slice(&name));
	}
	buf_release(&name);
}

static void add_entity(
	struct explain *ret, const struct conf_entity *entity, size_t key, struct slice id)
{
	ret->entities = mem_realloc(ret->entities, (ret->entity_count + 1) * sizeof *ret->entities);
	ret->entities[ret->entity_count++] =
		(struct explain_entity){entity, entity->keys[key].key, id};
}

static void find_entities(
	const struct conf *conf, struct slice key, struct explain *ret, struct name_list *tags)
{
	struct slice ids[TEMPLATE_MAX_NAMES];

	for (size_t i = 0; i < conf->entity_count; i++) {
		const struct conf_entity *entity = &conf->entities[i];

		for (size_t j = 0; j < entity->key_count; j++) {
			if (!template_match(entity->keys[j].key, key, ids))
				continue;
			add_entity(ret, entity, j, ids[0]);
			add_tags(entity, ids[0], tags);
		}
	}
}

static bool is_protected(const struct conf *conf, struct slice key)
{
	const struct identity no_scopes = {.scopes = 0};
	struct guard guard;

	guard_init(&guard, conf, &no_scopes);
	return guard_derived(&guard, key) == GUARD_PROTECTED;
}

/* Parks. */
static enum error read_dependents(struct cache *cache, const struct conf *conf, struct slice key,
	struct explain *ret, struct fault *fault)
{
	enum error error = dependency_direct(cache, conf, key, &ret->dependents, fault);

	ret->dependents_unreadable = error == ERR_WRONG_TYPE;
	return ret->dependents_unreadable ? OK : error;
}

enum error explain_key(struct cache *cache, const struct conf *conf, struct slice key,
	struct explain *ret, struct fault *fault)
{
	struct name_list own_tags = {0};

	*ret = (struct explain){
		.namespace = conf_namespace(conf, key), .protected = is_protected(conf, key)};
	find_entities(conf, key, ret, &own_tags);
	enum error error = read_stored(cache, conf, key, ret, fault);
	if (!error)
		error = read_dependents(cache, conf, key, ret, fault);
	if (!error)
		error = explain_check_tags(cache, key, &own_tags, ret, fault);
	if (!error)
		error = explain_known_tags(cache, key, ret, fault);
	if (!error)
		error = explain_last_invalidation(cache, key, ret, fault);
	if (!error)
		explain_unlogged(cache, key, ret);
	name_list_release(&own_tags);
	if (error)
		explain_release(ret);
	return error;
}

void explain_release(struct explain *explain)
{
	mem_free(explain->entities);
	name_list_release(&explain->dependents);
	name_list_release(&explain->tags);
	*explain = (struct explain){0};
}
