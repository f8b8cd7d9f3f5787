/* SPDX-License-Identifier: MIT */
/* The types of single values; see table.h for what a setter returns. */
#include <inttypes.h>
#include <string.h>

#include "base/crypto.h"
#include "base/hex.h"
#include "base/timestamp.h"
#include "conf/reader.h"
#include "text/cron.h"
#include "text/quantity.h"

static void *place_of(void *object, const struct key *key)
{
	return (char *)object + key->offset;
}

static const char *scalar(const struct node *node)
{
	return node->kind == NODE_SCALAR ? NULL : "must be one value, not a list or map";
}

/* min and max are the length in bytes. */
static const char *check_text(struct reader *r, const struct key *key, const struct node *node)
{
	const char *wrong = scalar(node);

	if (wrong)
		return wrong;
	if (node->text.n == 0 && key->min > 0)
		return "must not be empty";
	if (key->max && (int64_t)node->text.n > key->max)
		return reader_say(r, "must not be longer than %" PRId64 " bytes", key->max);
	return NULL;
}

static const char *set_string(
	struct reader *r, const struct key *key, struct node *node, void *object)
{
	const char *wrong = check_text(r, key, node);

	if (!wrong)
		*(char **)place_of(object, key) = arena_dup(r->arena, node->text);
	return wrong;
}
const struct type type_string = {.set = set_string};

static const char *set_slice(
	struct reader *r, const struct key *key, struct node *node, void *object)
{
	const char *wrong = check_text(r, key, node);

	if (!wrong)
		*(struct slice *)place_of(object, key) = node->text;
	return wrong;
}
const struct type type_slice = {.set = set_slice};

static const char *set_name(
	struct reader *r, const struct key *key, struct node *node, void *object)
{
	const char *wrong = scalar(node);

	if (!wrong)
		wrong = reader_check_name(node->text);
	return wrong ? wrong : set_string(r, key, node, object);
}
const struct type type_name = {.set = set_name};

static const char *set_path(
	struct reader *r, const struct key *key, struct node *node, void *object)
{
	const char *wrong = scalar(node);

	if (wrong)
		return wrong;
	if (node->text.n == 0)
		return "must not be empty";
	char *path = reader_resolve(r, node, node->text);

	/* The printed path must not depend on the current folder. */
	if (slice_equal(node->raw, node->text))
		node->raw = slice_str(path);
	*(char **)place_of(object, key) = path;
	return NULL;
}
const struct type type_path = {.set = set_path};

/* A path, `-` or the empty text. */
static const char *set_output(
	struct reader *r, const struct key *key, struct node *node, void *object)
{
	const char *wrong = scalar(node);

	if (wrong)
		return wrong;
	if (node->text.n && !slice_is(node->text, "-"))
		return set_path(r, key, node, object);
	return set_string(r, key, node, object);
}
const struct type type_output = {.set = set_output};

static const char *set_bool(
	struct reader *r, const struct key *key, struct node *node, void *object)
{
	(void)r;
	if (scalar(node) || (!slice_is(node->text, "true") && !slice_is(node->text, "false")))
		return "must be true or false";
	*(bool *)place_of(object, key) = slice_is(node->text, "true");
	return NULL;
}
const struct type type_bool = {.print = PRINT_BOOL, .set = set_bool};

static const char *set_int(struct reader *r, const struct key *key, struct node *node, void *object)
{
	int64_t value;

	if (scalar(node) || !slice_int64(node->text, &value))
		return "is not a whole number";
	if (value < key->min || value > key->max)
		return reader_say(
			r, "must be between %" PRId64 " and %" PRId64, key->min, key->max);
	*(int64_t *)place_of(object, key) = value;
	return NULL;
}
const struct type type_int = {.print = PRINT_NUMBER, .set = set_int};

static const char *outside(
	struct reader *r, const struct key *key, void (*format)(int64_t value, struct buf *out))
{
	struct buf low = {0}, high = {0};
	const char *sentence;

	format(key->min, &low);
	format(key->max, &high);
	sentence = reader_say(r, "must be between %s and %s", low.p, high.p);
	buf_release(&low);
	buf_release(&high);
	return sentence;
}

static const char *set_duration(
	struct reader *r, const struct key *key, struct node *node, void *object)
{
	int64_t value;
	const char *wrong = scalar(node);

	if (!wrong)
		wrong = quantity_parse_duration(node->text, &value);
	if (wrong)
		return wrong;
	if (value < key->min || value > key->max)
		return outside(r, key, quantity_format_duration);
	*(int64_t *)place_of(object, key) = value;
	return NULL;
}
const struct type type_duration = {.set = set_duration};

static const char *set_size(
	struct reader *r, const struct key *key, struct node *node, void *object)
{
	int64_t value;
	const char *wrong = scalar(node);

	if (!wrong)
		wrong = quantity_parse_size(node->text, &value);
	if (wrong)
		return wrong;
	if (value < key->min || value > key->max)
		return outside(r, key, quantity_format_size);
	*(int64_t *)place_of(object, key) = value;
	return NULL;
}
const struct type type_size = {.set = set_size};

/* 0 to key->max percent, stored as a ratio. */
static const char *set_ratio(
	struct reader *r, const struct key *key, struct node *node, void *object)
{
	int64_t percent = 0;
	bool good = node->kind == NODE_SCALAR && node->text.n > 1 &&
		    node->text.p[node->text.n - 1] == '%' &&
		    slice_int64(slice_of(node->text.p, node->text.n - 1), &percent);

	if (!good || percent < key->min || percent > key->max)
		return reader_say(r,
			"must be between %" PRId64 "%% and %" PRId64 "%%, such as 10%%", key->min,
			key->max);
	*(double *)place_of(object, key) = (double)percent / 100;
	return NULL;
}
const struct type type_ratio = {.set = set_ratio};

static const char *set_date(
	struct reader *r, const struct key *key, struct node *node, void *object)
{
	const char *wrong = scalar(node);

	(void)r;
	return wrong ? wrong : timestamp_parse(node->text, (int64_t *)place_of(object, key));
}
const struct type type_date = {.set = set_date};

static const char *set_sha256(
	struct reader *r, const struct key *key, struct node *node, void *object)
{
	(void)r;
	if (scalar(node) || !hex_decode(node->text, place_of(object, key), SHA256_BYTES))
		return "must be the 64 hexadecimal digits of the token's SHA-256";
	return NULL;
}
const struct type type_sha256 = {.set = set_sha256};

static const char *set_client_certificate(
	struct reader *r, const struct key *key, struct node *node, void *object)
{
	struct conf_token *token = object;

	(void)r, (void)key;
	if (scalar(node) || !hex_decode(node->text, token->sha256, SHA256_BYTES))
		return "must be the 64 hexadecimal digits of the certificate's SHA-256, without "
		       "colons";
	token->by_certificate = true;
	return NULL;
}
const struct type type_client_certificate = {.set = set_client_certificate};

/* Schedules. They are parsed here, so that a fault has its line. */
static const char *set_cron(
	struct reader *r, const struct key *key, struct node *node, void *object)
{
	const char *wrong = type_string.set(r, key, node, object);
	struct cron cron;

	if (wrong)
		return wrong;
	wrong = cron_parse(node->text, &cron);
	return wrong ? reader_say(r, "\"%s\" %s", node->text.p, wrong) : NULL;
}
const struct type type_cron = {.set = set_cron};

static const char *set_zone(
	struct reader *r, const struct key *key, struct node *node, void *object)
{
	const char *wrong = type_string.set(r, key, node, object);
	struct zone *zone;

	if (wrong)
		return wrong;
	zone = zone_load(node->text.p, &wrong);
	zone_free(zone);
	return zone ? NULL : reader_say(r, "\"%s\" %s", node->text.p, wrong);
}
const struct type type_zone = {.set = set_zone};
