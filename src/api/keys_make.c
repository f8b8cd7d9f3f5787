/* SPDX-License-Identifier: MIT */
/* POST /key: builds a key from parts or from an entity; does not use Redis. */
#include <stdio.h>

#include "api/body.h"
#include "api/handlers.h"
#include "cache/entity.h"
#include "cache/guard.h"
#include "cache/keygen.h"

struct key_body {
	struct arena *arena;
	struct slice prefix, entity, name, id;
	struct json_value args, params;
	struct keygen_part parts[KEYGEN_MAX_PARTS];
	size_t count;
};

static enum error read_part(struct key_body *asked, const struct json_iter *it, const char *pointer,
	struct fault *fault)
{
	struct keygen_part *part = &asked->parts[asked->count];

	if (asked->count == KEYGEN_MAX_PARTS)
		return fault_at(fault, ERR_BAD_KEY, pointer, "a key has at most %d args and params",
			KEYGEN_MAX_PARTS);
	asked->count++;
	if (it->object)
		part->name = body_name(it, asked->arena);
	switch (it->value.type) {
	case JSON_STRING:
		part->kind = KEYGEN_TEXT;
		part->text = body_text(it->value, asked->arena);
		return OK;
	case JSON_NUMBER:
		part->kind = KEYGEN_INTEGER;
		part->text = it->value.text;
		return OK;
	case JSON_TRUE:
		part->kind = KEYGEN_TRUE;
		return OK;
	case JSON_FALSE:
		part->kind = KEYGEN_FALSE;
		return OK;
	case JSON_NULL:
		part->kind = KEYGEN_NULL;
		return OK;
	default:
		return fault_at(fault, ERR_BAD_BODY, pointer,
			"%s must be a string, an integer, true, false or null", pointer);
	}
}

static enum error read_parts(
	struct key_body *asked, struct json_value container, const char *at, struct fault *fault)
{
	char pointer[BODY_POINTER_BYTES];
	enum error error = OK;
	size_t i = 0;

	if (!container.text.n)
		return OK;
	for (struct json_iter it = json_iterate(container); !error && json_next(&it); i++) {
		if (it.object)
			body_point(pointer, at, it.name);
		else
			snprintf(pointer, sizeof pointer, "%s/%zu", at, i);
		error = read_part(asked, &it, pointer, fault);
		if (!error && keygen_check_part(&asked->parts[asked->count - 1], fault)) {
			error = fault->error;
			snprintf(fault->pointer, sizeof fault->pointer, "%s", pointer);
		}
	}
	return error;
}

static enum error key_of_entity(
	const struct key_body *asked, const struct conf *conf, struct buf *out, struct fault *fault)
{
	if (!asked->name.p || !asked->id.p)
		return fault_at(fault, ERR_BAD_BODY, asked->name.p ? "/id" : "/name",
			"an entity's key needs name and id");
	return entity_key(
		conf, &(struct entity_name){asked->entity, asked->name, asked->id}, out, fault);
}

static enum error make_key(
	struct key_body *asked, const struct conf *conf, struct buf *out, struct fault *fault)
{
	bool parts = asked->prefix.p || asked->args.text.n || asked->params.text.n;
	bool entity = asked->entity.p || asked->name.p || asked->id.p;

	if (parts == entity || (parts && !asked->prefix.p) || (entity && !asked->entity.p))
		return fault_set(fault, ERR_BAD_BODY,
			"give either prefix, with args and params, or entity, name and id");
	if (entity)
		return key_of_entity(asked, conf, out, fault);
	enum error error = read_parts(asked, asked->args, "/args", fault);
	if (!error)
		error = read_parts(asked, asked->params, "/params", fault);
	if (!error)
		error = keygen_key(asked->prefix, asked->parts, asked->count, out, fault);
	/* The parts are valid: the prefix is invalid, or too long. */
	if (error && !fault->pointer[0])
		snprintf(fault->pointer, sizeof fault->pointer, "/prefix");
	return error;
}

static enum error read_body(struct request *request, struct key_body *asked, struct fault *fault)
{
	const struct body_member members[] = {
		{"prefix", BODY_STRING, &asked->prefix, 1, KEY_MAX_BYTES},
		{"args", BODY_ARRAY, &asked->args, 0, 0},
		{"params", BODY_OBJECT, &asked->params, 0, 0},
		{"entity", BODY_STRING, &asked->entity, 1, 256},
		{"name", BODY_STRING, &asked->name, 1, 256},
		{"id", BODY_ID, &asked->id, 0, 0},
	};

	return body_parse(request,
		&(struct body_table){.members = members, .count = sizeof members / sizeof *members},
		fault);
}

void api_key_make(struct request *request, void *context)
{
	struct key_body *asked = arena_alloc(request_arena(request), sizeof *asked);
	struct buf key = {0};
	struct fault fault;

	(void)context;
	asked->arena = request_arena(request);
	enum error error = read_body(request, asked, &fault);
	if (!error)
		error = make_key(asked, request_conf(request), &key, &fault);
	if (error) {
		reply_fault(request, &fault);
	} else {
		cJSON *body = cJSON_CreateObject();

		json_add_slice(body, "key", buf_slice(&key));
		reply_json(request, 200, body);
	}
	buf_release(&key);
}
