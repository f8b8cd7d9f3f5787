/* SPDX-License-Identifier: MIT */
/* Builds and frees what is asked of an invalidation; see invalidation.h. */
#include "invalidate/invalidation.h"

#include "base/mem.h"

struct invalidation *invalidation_new(struct conf *conf, const struct identity *who)
{
	struct invalidation *invalidation = mem_new(struct invalidation);

	invalidation->conf = conf_ref(conf);
	invalidation->by = mem_strdup(who->name);
	invalidation->who = *who;
	invalidation->who.name = invalidation->by;
	invalidation->max_keys = -1;
	invalidation->max_latency_ms = -1;
	return invalidation;
}

void invalidation_free(struct invalidation *invalidation)
{
	if (!invalidation)
		return;
	mem_free(invalidation->keys);
	mem_free(invalidation->patterns);
	mem_free(invalidation->tags);
	mem_free(invalidation->dependents_of);
	for (size_t i = 0; i < invalidation->entity_count; i++)
		mem_free(invalidation->entities[i].ids);
	mem_free(invalidation->entities);
	mem_free(invalidation->rewarm);
	mem_free(invalidation->confirm);
	mem_free(invalidation->note);
	mem_free(invalidation->by);
	arena_release(&invalidation->texts);
	conf_unref(invalidation->conf);
	mem_free(invalidation);
}

/* Appends a copy. */
static void add(
	struct invalidation *invalidation, struct slice **slices, size_t *count, struct slice text)
{
	*slices = mem_grow(*slices, *count, sizeof **slices);
	(*slices)[(*count)++] = arena_slice(&invalidation->texts, text);
}

void invalidation_add_key(struct invalidation *invalidation, struct slice key)
{
	add(invalidation, &invalidation->keys, &invalidation->key_count, key);
}

void invalidation_add_pattern(struct invalidation *invalidation, struct slice pattern)
{
	add(invalidation, &invalidation->patterns, &invalidation->pattern_count, pattern);
}

void invalidation_add_tag(struct invalidation *invalidation, struct slice tag)
{
	add(invalidation, &invalidation->tags, &invalidation->tag_count, tag);
}

void invalidation_add_dependents_of(struct invalidation *invalidation, struct slice key)
{
	add(invalidation, &invalidation->dependents_of, &invalidation->dependents_count, key);
}

void invalidation_add_rewarm(struct invalidation *invalidation, struct slice job)
{
	for (size_t i = 0; i < invalidation->rewarm_count; i++)
		if (slice_equal(invalidation->rewarm[i], job))
			return;
	add(invalidation, &invalidation->rewarm, &invalidation->rewarm_count, job);
}

void invalidation_add_id(
	struct invalidation *invalidation, const struct conf_entity *entity, struct slice id)
{
	size_t i = 0;

	while (i < invalidation->entity_count && invalidation->entities[i].entity != entity)
		i++;
	if (i == invalidation->entity_count) {
		invalidation->entities = mem_realloc(
			invalidation->entities, (i + 1) * sizeof *invalidation->entities);
		invalidation->entities[i] = (struct invalidation_ids){.entity = entity};
		invalidation->entity_count++;
	}
	add(invalidation, &invalidation->entities[i].ids, &invalidation->entities[i].count, id);
}
