/* SPDX-License-Identifier: MIT */
/* Dependency rules of the configuration: what goes with a key, one step at a time. */
#ifndef CW_CACHE_DEPENDENCY_H
#define CW_CACHE_DEPENDENCY_H

#include "conf/conf.h"

/* Receives what the rules give; `rule` is the index in conf->dependencies. Names are borrowed. */
struct dependency_visitor {
	void (*key)(void *context, size_t rule, struct slice key);
	void (*pattern)(void *context, size_t rule, struct slice glob);
	void *context;
};

/* Every rule whose `when` matches the whole key. The same name may come more than once. */
void dependency_visit(
	const struct conf *conf, struct slice key, const struct dependency_visitor *visitor);

#endif
