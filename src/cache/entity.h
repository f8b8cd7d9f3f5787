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

#endif
