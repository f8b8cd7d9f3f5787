/* SPDX-License-Identifier: MIT */
/* Entities: from an id to the keys, patterns and tags that hold what is cached about it. */
#ifndef CW_CACHE_ENTITY_H
#define CW_CACHE_ENTITY_H

#include "conf/conf.h"

/* Receives the names one by one; they live until it returns. */
struct entity_visitor {
	void (*key)(void *context, struct slice key);
	void (*pattern)(void *context, struct slice glob);
	void *context;
	void (*tag)(void *context, struct slice tag); /* NULL = not wanted */
};

/* The id is literal: in keys and tags as it is, in patterns glob-escaped. It must not be empty. */
void entity_visit(
	const struct conf_entity *entity, struct slice id, const struct entity_visitor *visitor);

/* One of an entity's keys, by the name that the configuration gives it. */
struct entity_name {
	struct slice entity, name, id; /* the id is not empty */
};
/*
 * Appends the key. ERR_BAD_BODY where there is no such entity or it has no such name, ERR_BAD_KEY
 * where the id makes it too long. Pure.
 */
enum error entity_key(const struct conf *conf, const struct entity_name *which, struct buf *out,
	struct fault *fault);

#endif
