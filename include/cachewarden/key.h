/* SPDX-License-Identifier: MIT */
/* Keys made of parts: the same as POST /key and docs/keys.json have them. */
#ifndef CACHEWARDEN_KEY_H
#define CACHEWARDEN_KEY_H

#include <cachewarden/handle.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A key, as a plain value. */
struct cw_key {
	size_t size;
	char text[1025];
};

static inline struct cw_bytes cw_key_bytes(const struct cw_key *key)
{
	return cw_bytes(key->text, key->size);
}

enum cw_part_kind { CW_PART_TEXT, CW_PART_INTEGER, CW_PART_DIGITS, CW_PART_BOOL, CW_PART_NULL };

/* One part; made by the functions below. */
struct cw_part {
	enum cw_part_kind kind;
	struct cw_bytes text;
	int64_t integer;
	const char *name; /* of a param; NULL for an arg */
};

static inline struct cw_part cw_text_bytes(struct cw_bytes text)
{
	struct cw_part part = {CW_PART_TEXT, text, 0, NULL};

	return part;
}

static inline struct cw_part cw_text(const char *text)
{
	return cw_text_bytes(cw_str(text));
}

static inline struct cw_part cw_int(int64_t integer)
{
	struct cw_part part = {CW_PART_INTEGER, {NULL, 0}, integer, NULL};

	return part;
}

/* An integer of any size, as its digits: "-7", "123456789012345678901234567890". */
static inline struct cw_part cw_digits(const char *digits)
{
	struct cw_part part = {CW_PART_DIGITS, cw_str(digits), 0, NULL};

	return part;
}

static inline struct cw_part cw_bool(bool value)
{
	struct cw_part part = {CW_PART_BOOL, {NULL, 0}, value, NULL};

	return part;
}

static inline struct cw_part cw_null(void)
{
	struct cw_part part = {CW_PART_NULL, {NULL, 0}, 0, NULL};

	return part;
}

/* cw_named("page", cw_int(2)): params come behind the args, sorted by name. */
static inline struct cw_part cw_named(const char *name, struct cw_part part)
{
	part.name = name;
	return part;
}

/*
 * prefix:arg:arg:name=value, at most 200 bytes: longer ones keep the prefix and a hash. Needs no
 * handle. CW_BAD_ARGUMENT: an empty prefix, a name twice, more than 64 parts, no room.
 */
CW_API enum cw_status cw_key_make(struct cw_bytes prefix, const struct cw_part *parts, size_t count,
	struct cw_key *ret, struct cw_error *error);

/* CW_KEY(&key, &error, "user", cw_int(42), cw_named("page", cw_int(2))): user:42:page=2 */
#ifndef __cplusplus
#define CW_KEY(ret, error, prefix, ...) \
	cw_key_make(cw_str(prefix), (const struct cw_part[]){__VA_ARGS__}, \
		sizeof((const struct cw_part[]){__VA_ARGS__}) / sizeof(struct cw_part), ret, \
		error)
#endif

/* The key that the configuration's entity has under a name, for one id. */
CW_API enum cw_status cw_entity_key(struct cw_cache *cache, const char *entity, const char *name,
	struct cw_bytes id, struct cw_key *ret, struct cw_error *error);

#ifdef __cplusplus
}
#endif

#endif
