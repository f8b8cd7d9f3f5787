/* SPDX-License-Identifier: MIT */
/* The figures by namespace as JSON: for GET /namespaces and GET /stats?namespaces=true. */
#ifndef CW_API_NAMESPACE_JSON_H
#define CW_API_NAMESPACE_JSON_H

#include "api/app.h"

struct namespace_page {
	bool by_bytes; /* the order */
	size_t from, limit;
	size_t next; /* out: where the next page begins; 0 = there is none */
};

/*
 * Adds the members to `object`, as `who` may see them: no namespaces and names outside of their
 * key_prefixes, and no names of reserved keys.
 */
void namespace_json(cJSON *object, const struct app *app, const struct identity *who,
	const struct conf *conf, struct namespace_page *page);

#endif
