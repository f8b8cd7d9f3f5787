/* SPDX-License-Identifier: MIT */
/* What a request is about; see audit_subject.h. */
#include "api/audit_subject.h"

#include <string.h>

#include "text/json.h"
#include "watch/audit_target.h"

/* Members of bodies that name something, and how one of their elements is called. */
static const struct {
	const char *member, *kind;
} namers[] = {
	{"keys", "key"},
	{"patterns", "pattern"},
	{"tags", "tag"},
	{"dependents_of", "dependents of"},
	{"cache_names", "job"},
	{"what", ""},
	{"add", "dependent"},
	{"dependents", "dependent"},
	{"remove", "dependent"},
};

/* A text, a number, or each element of a list. */
static void add_values(struct audit_target *target, struct slice kind, struct json_value value)
{
	struct buf text = {0};

	if (value.type == JSON_ARRAY) {
		struct json_iter each = json_iterate(value);

		while (json_next(&each)) {
			if (target->listed == AUDIT_TARGET_NAMES) {
				audit_target_omit(target, 1);
				continue;
			}
			buf_clear(&text);
			json_scalar(each.value, &text);
			audit_target_add(target, kind, buf_slice(&text));
		}
	} else if (value.type == JSON_STRING || value.type == JSON_NUMBER) {
		json_scalar(value, &text);
		audit_target_add(target, kind, buf_slice(&text));
	}
	buf_release(&text);
}

/* The members of `entities`, and the `field` of each entity. */
static void add_entities(
	struct audit_target *target, const struct conf *conf, struct json_value root)
{
	struct json_value value;

	if (json_member(root, SLICE("entities"), &value) && value.type == JSON_OBJECT) {
		struct json_iter each = json_iterate(value);

		while (json_next(&each))
			add_values(target, each.name, each.value);
	}
	for (size_t i = 0; i < conf->entity_count; i++) {
		struct slice field = slice_str(conf->entities[i].field);

		if (field.n && json_member(root, field, &value))
			add_values(target, slice_str(conf->entities[i].name), value);
	}
}

static void add_duration(struct audit_target *target, struct json_value root)
{
	struct json_value seconds;

	if (json_member(root, SLICE("for"), &seconds) && seconds.type == JSON_NUMBER) {
		struct buf text = {0};

		buf_add(&text, seconds.text);
		buf_str(&text, " s");
		audit_target_add(target, SLICE("for"), buf_slice(&text));
		buf_release(&text);
	}
}

/* What fills the {name} of the route's path. */
static void add_path(struct audit_target *target, const struct request *request)
{
	const struct route *route = request_route(request);

	for (const char *at = route ? route->path : ""; (at = strchr(at, '{'));) {
		const char *end = strchr(at, '}');
		char name[32];
		size_t n = (size_t)(end - at - 1);

		if (n < sizeof name) {
			memcpy(name, at + 1, n);
			name[n] = '\0';
			audit_target_add(target, slice_of(name, n), request_path(request, name));
		}
		at = end;
	}
}

void audit_subject(const struct request *request, struct slice body, struct buf *out)
{
	struct audit_target target = {0};
	struct json_value value;

	add_path(&target, request);
	if (body.n) {
		struct json_value root = json_root(body);

		for (size_t i = 0; i < sizeof namers / sizeof *namers; i++)
			if (json_member(root, slice_str(namers[i].member), &value))
				add_values(&target, slice_str(namers[i].kind), value);
		add_entities(&target, request_conf(request), root);
		add_duration(&target, root);
	}
	audit_target_end(&target, out);
}
