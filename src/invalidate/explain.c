/* SPDX-License-Identifier: MIT */
/*
 * What is known about one key; see explain.h.
 *
 *	TYPE PTTL STRLEN GETRANGE MEMORY -> what is stored
 *	configuration -> namespace, entities with their tags, protection
 *	tags' sets, stored dependents, invalidation log -> what can invalidate it
 */
#include "invalidate/explain.h"

#include "base/mem.h"
#include "cache/codec.h"
#include "cache/dependency.h"
#include "cache/entry.h"
#include "cache/guard.h"
#include "cache/soft_purge.h"
#include "invalidate/explain_internal.h"
#include "text/json.h"

enum { entity_tags_max = 1000 };

enum stored_place { TYPE, MARK, PTTL, LENGTH, HEAD, MEMORY };

static void add_integer(cJSON *body, const char *name, const struct redis_value *reply)
{
	if (reply->type == REDIS_INTEGER)
		json_add_int(body, name, reply->integer);
	else
		cJSON_AddNullToObject(body, name);
}

static void write_ttl(
	const struct conf *conf, struct slice key, const struct redis_batch *batch, cJSON *body)
{
	int64_t shown = entry_shown_ttl(conf, key, redis_batch_reply(batch, PTTL)->integer,
		redis_batch_reply(batch, MARK)->integer);

	json_add_int(body, "ttl", shown > 0 ? (shown + 999) / 1000 : shown);
	cJSON_AddBoolToObject(body, "stale", shown == 0);
}

/* Sizes are null where Redis does not tell them: no string, or a command denied. */
static void write_stored(
	const struct conf *conf, struct slice key, const struct redis_batch *batch, cJSON *body)
{
	const struct redis_value *type = redis_batch_reply(batch, TYPE);
	const struct redis_value *head = redis_batch_reply(batch, HEAD);
	bool exists = !slice_is(type->text, "none");

	cJSON_AddBoolToObject(body, "exists", exists);
	if (exists)
		json_add_slice(body, "type", type->text);
	else
		cJSON_AddNullToObject(body, "type");
	write_ttl(conf, key, batch, body);
	if (exists)
		add_integer(body, "bytes", redis_batch_reply(batch, LENGTH));
	else
		cJSON_AddNullToObject(body, "bytes");
	add_integer(body, "memory_bytes", redis_batch_reply(batch, MEMORY));
	cJSON_AddBoolToObject(
		body, "compressed", head->type == REDIS_STRING && codec_is_compressed(head->text));
}

/* Parks. */
static enum error read_stored(struct cache *cache, const struct conf *conf, struct slice key,
	cJSON *body, struct fault *fault)
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
	enum error error = redis_node_run(redis_store_node(cache->store, key), REDIS_COMMANDS,
		batch, cache_deadline(cache), fault);
	if (!error)
		error = redis_value_error(redis_batch_reply(batch, TYPE), fault);
	if (!error)
		error = redis_value_error(redis_batch_reply(batch, PTTL), fault);
	if (!error)
		error = redis_value_error(redis_batch_reply(batch, MARK), fault);
	if (!error)
		write_stored(conf, key, batch, body);
	redis_batch_free(batch);
	return error;
}

static void write_namespace(const struct conf *conf, struct slice key, cJSON *body)
{
	const struct conf_namespace *namespace = conf_namespace(conf, key);

	if (!namespace) {
		cJSON_AddNullToObject(body, "namespace");
		return;
	}
	cJSON *object = cJSON_AddObjectToObject(body, "namespace");

	json_add_slice(object, "prefix", namespace->prefix);
	json_add_int(object, "ttl", namespace->ttl_ms < 0 ? -1 : namespace->ttl_ms / 1000);
	json_add_int(object, "stale_for", namespace->stale_for_ms / 1000);
	json_add_int(object, "compress_above", namespace->compress_above);
}

/* The tags that the entities of a key have. */
struct entity_tags {
	struct slice names[entity_tags_max];
	struct arena texts; /* of the names */
	size_t count;
};

static void take_tags(const struct conf_entity *entity, struct slice id, struct entity_tags *tags)
{
	for (size_t i = 0; i < entity->tag_count && tags->count < entity_tags_max; i++) {
		struct buf name = {0};

		template_fill_one(entity->tags[i], TEMPLATE_LITERAL, id, &name);
		tags->names[tags->count++] = arena_slice(&tags->texts, buf_slice(&name));
		buf_release(&name);
	}
}

static void write_entities(
	const struct conf *conf, struct slice key, cJSON *body, struct entity_tags *tags)
{
	cJSON *list = cJSON_AddArrayToObject(body, "entities");
	struct slice ids[TEMPLATE_MAX_NAMES];

	for (size_t i = 0; i < conf->entity_count; i++) {
		const struct conf_entity *entity = &conf->entities[i];

		for (size_t j = 0; j < entity->key_count; j++) {
			if (!template_match(entity->keys[j].key, key, ids))
				continue;
			cJSON *object = cJSON_CreateObject();

			json_add_slice(object, "entity", slice_str(entity->name));
			json_add_slice(object, "id", ids[0]);
			json_add_slice(object, "key", template_text(entity->keys[j].key));
			cJSON_AddItemToArray(list, object);
			take_tags(entity, ids[0], tags);
		}
	}
}

static void write_tags(const struct explain_tags *tags, cJSON *body)
{
	cJSON *list = cJSON_AddArrayToObject(body, "tags");

	for (size_t i = 0; i < tags->count; i++)
		json_append_slice(list, tags->names[i]);
	json_add_uint(body, "tags_checked", tags->checked);
}

static void write_protected(const struct conf *conf, struct slice key, cJSON *body)
{
	const struct identity no_scopes = {.scopes = 0};
	struct guard guard;

	guard_init(&guard, conf, &no_scopes);
	cJSON_AddBoolToObject(body, "protected", guard_found(&guard, key) == GUARD_PROTECTED);
}

/* The direct ones. Parks. */
static enum error read_dependents(struct cache *cache, const struct conf *conf, struct slice key,
	cJSON *body, struct fault *fault)
{
	cJSON *names;
	enum error error = dependency_direct(cache, conf, key, &names, fault);

	if (error == ERR_WRONG_TYPE) {
		cJSON_AddNullToObject(body, "dependents");
		return OK;
	}
	if (!error)
		cJSON_AddItemToObject(body, "dependents", names);
	return error;
}

/* Parks. */
static enum error read_tags(struct cache *cache, struct slice key, const struct entity_tags *own,
	cJSON *body, struct fault *fault)
{
	struct explain_tags tags = {0};
	cJSON *last = NULL;
	enum error error = explain_check_tags(cache, key, own->names, own->count, &tags, fault);

	if (!error)
		error = explain_known_tags(cache, key, &tags, fault);
	if (!error)
		error = explain_last_invalidation(cache, key, &tags, &last, fault);
	if (!error)
		write_tags(&tags, body);
	if (last)
		cJSON_AddItemToObject(body, "last_invalidation", last);
	explain_tags_release(&tags);
	return error;
}

enum error explain_key(struct cache *cache, const struct conf *conf, struct slice key, cJSON **ret,
	struct fault *fault)
{
	struct entity_tags *own = mem_new(struct entity_tags);
	cJSON *body = cJSON_CreateObject();

	json_add_slice(body, "key", key);
	enum error error = read_stored(cache, conf, key, body, fault);
	write_namespace(conf, key, body);
	write_entities(conf, key, body, own);
	write_protected(conf, key, body);
	if (!error)
		error = read_dependents(cache, conf, key, body, fault);
	if (!error)
		error = read_tags(cache, key, own, body, fault);
	arena_release(&own->texts);
	mem_free(own);
	if (error)
		cJSON_Delete(body);
	else
		*ret = body;
	return error;
}
