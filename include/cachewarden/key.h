/* SPDX-License-Identifier: MIT */
/* Keys built from parts, as POST /key builds them (docs/keys.json has test vectors). */
#ifndef CACHEWARDEN_KEY_H
#define CACHEWARDEN_KEY_H

#include <cachewarden/handle.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A key. A plain value; `text` ends with a NUL that `size` does not count. */
struct cw_key {
	size_t size;
	char text[1025];
};

static inline struct cw_bytes cw_key_bytes(const struct cw_key *key)
{
	return cw_bytes(key->text, key->size);
}

enum cw_part_kind { CW_PART_TEXT, CW_PART_INTEGER, CW_PART_DIGITS, CW_PART_BOOL, CW_PART_NULL };

/* One part; use the functions below. */
struct cw_part {
	enum cw_part_kind kind;
	struct cw_bytes text;
	int64_t integer;
	const char *name; /* of a named part; NULL = a positional part */
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

/* An integer of any size, by its digits: "-7", "123456789012345678901234567890". */
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

/* cw_named("page", cw_int(2)). Named parts follow the positional ones, sorted by name. */
static inline struct cw_part cw_named(const char *name, struct cw_part part)
{
	part.name = name;
	return part;
}

/*
 * Builds prefix:part:part:name=value, at most 200 bytes; of a longer key the prefix and a hash are
 * kept. Needs no handle. CW_BAD_ARGUMENT: an empty or too long prefix, a name given twice, more
 * than 64 parts.
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

/* Builds the key `name` of an entity of the configuration, for one id. */
CW_API enum cw_status cw_entity_key(struct cw_cache *cache, const char *entity, const char *name,
	struct cw_bytes id, struct cw_key *ret, struct cw_error *error);

#ifdef __cplusplus
}
#endif

#endif
