/* SPDX-License-Identifier: MIT */
/* What a request is about; see audit_subject.h. */
#include "api/audit_subject.h"

#include <string.h>

#include "text/json.h"
#include "text/quantity.h"
#include "watch/audit_target.h"

enum { max_seconds = 1000000000 };

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

struct subject {
	const struct audit_members *members;
	struct timeslice *timeslice; /* NULL = does not park */
	struct audit_target target;
};

/* Counts the rest of a list. Parks now and then. */
static void omit_rest(struct subject *subject, struct json_iter *each)
{
	do {
		audit_target_omit(&subject->target, 1);
		if (subject->timeslice)
			timeslice_spend(subject->timeslice, 1);
	} while (json_next(each));
}

/* A text, a number, or each element of a list. Parks now and then. */
static void add_values(struct subject *subject, struct slice kind, struct json_value value)
{
	struct audit_target *target = &subject->target;
	struct buf text = {0};

	if (value.type == JSON_ARRAY) {
		struct json_iter each = json_iterate(value);

		while (json_next(&each)) {
			if (target->listed == AUDIT_TARGET_NAMES) {
				omit_rest(subject, &each);
				break;
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

/* The members of `entities`, and the `field` of each entity. Parks now and then. */
static void add_entities(struct subject *subject, const struct conf *conf)
{
	struct json_value value;

	if (audit_members_find(subject->members, SLICE("entities"), &value) &&
		value.type == JSON_OBJECT) {
		struct json_iter each = json_iterate(value);

		while (json_next(&each))
			add_values(subject, each.name, each.value);
	}
	for (size_t i = 0; i < conf->entity_count; i++) {
		struct slice field = slice_str(conf->entities[i].field);

		if (field.n && audit_members_find(subject->members, field, &value))
			add_values(subject, slice_str(conf->entities[i].name), value);
	}
}

static void add_duration(struct subject *subject)
{
	struct json_value seconds;

	if (audit_members_find(subject->members, SLICE("for"), &seconds) &&
		seconds.type == JSON_NUMBER) {
		struct buf text = {0};
		int64_t count;

		/* What is refused is written down, too, as it came. */
		if (slice_int64(seconds.text, &count) && count > 0 && count <= max_seconds)
			quantity_format_duration(count * 1000, &text);
		else
			buf_printf(&text, "%.*s s", (int)seconds.text.n, seconds.text.p);
		audit_target_add(&subject->target, SLICE("for"), buf_slice(&text));
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

void audit_subject(const struct request *request, const struct audit_members *members,
	struct timeslice *timeslice, struct buf *out)
{
	struct subject subject = {.members = members, .timeslice = timeslice};
	struct json_value value;

	add_path(&subject.target, request);
	for (size_t i = 0; i < sizeof namers / sizeof *namers; i++)
		if (audit_members_find(members, slice_str(namers[i].member), &value))
			add_values(&subject, slice_str(namers[i].kind), value);
	if (members->count)
		add_entities(&subject, request_conf(request));
	add_duration(&subject);
	audit_target_end(&subject.target, out);
}
