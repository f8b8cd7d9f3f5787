/* SPDX-License-Identifier: MIT */
/*
 * JSON as bytes: a validating scanner with limits, and views into what it has validated.
 *
 * Rows, values and parameters stay slices of their text, and numbers keep their spelling, so
 * nothing is rounded or reordered. cJSON is used for control-plane bodies and answers only, and
 * only after json_check(), because it cuts strings at \u0000, accepts duplicates and invalid UTF-8,
 * and rounds integers beyond 2^53. Grammar: RFC 8259, without a byte order mark.
 */
#ifndef CW_TEXT_JSON_H
#define CW_TEXT_JSON_H

#include <cjson/cJSON.h>

#include "base/buf.h"
#include "base/fault.h"

enum { JSON_MAX_DEPTH = 128 };

struct json_limits {
	unsigned depth;	  /* nested arrays and objects, at most JSON_MAX_DEPTH */
	unsigned nodes;	  /* values in the whole text */
	unsigned members; /* of one object */
	bool allow_nul;	  /* whether \u0000 may stand in a string; never for cJSON */
};

extern const struct json_limits json_control_limits; /* 32, 100,000, 256, no */
extern const struct json_limits json_row_limits;     /* 64, 1,000,000, 4,096, yes */

/*
 * Whether `text` is one JSON value, white space around it allowed, within `limits`: valid UTF-8, no
 * duplicate members (names compare decoded), no lone surrogates. On ERR_BAD_JSON the fault names
 * line, column (in bytes, from 1) and, if the place has one, the JSON pointer.
 */
enum error json_check(struct slice text, const struct json_limits *limits, struct fault *fault);

/*
 * As json_check(), for a value that ends somewhere in `text`: *ret_n is its length with the white
 * space before it. With `more` the text may continue later (a stream): an unfinished but so far
 * valid value then gives OK and *ret_n = 0. Each call starts from the beginning: let the text about
 * double between calls. A number or word must be followed by white space, `,`, `]`, `}` or the end.
 */
enum error json_check_prefix(struct slice text, const struct json_limits *limits, bool more,
	size_t *ret_n, struct fault *fault);

enum json_type {
	JSON_NULL,
	JSON_FALSE,
	JSON_TRUE,
	JSON_NUMBER,
	JSON_STRING,
	JSON_ARRAY,
	JSON_OBJECT
};

/* A view into checked text, without white space around it. Valid as long as the text. */
struct json_value {
	enum json_type type;
	struct slice text;
};

/* The value that checked `text` holds. */
struct json_value json_root(struct slice text);

/* Walks the members of an object or the elements of an array in order. */
struct json_iter {
	struct slice rest;
	bool object;
	struct slice name; /* raw text between the quotes; of an array element: empty */
	struct json_value value;
};

struct json_iter json_iterate(struct json_value container);
bool json_next(struct json_iter *iter);

/* A member by its decoded name; false if there is none or `object` is not an object. */
bool json_member(struct json_value object, struct slice name, struct json_value *ret);
/*
 * The value at a path such as "a/b" (a JSON pointer whose leading slash may be missing). The empty
 * path is the value itself.
 */
bool json_path(struct json_value value, struct slice path, struct json_value *ret);

/* Appends the bytes that a JSON_STRING stands for. */
void json_decode_string(struct json_value string, struct buf *out);
/* Appends a scalar as templates use it: strings decoded, anything else as it is written. */
void json_scalar(struct json_value value, struct buf *out);

/* Appends `text` as a JSON string with quotes; bytes that are not UTF-8 become U+FFFD. */
void json_quote(struct buf *out, struct slice text);

/* Once, before any cJSON: its memory comes from base/mem. */
void json_use_mem(void);

/*
 * A control-plane body: json_check() with json_control_limits, then cJSON; it must be an object
 * (ERR_BAD_BODY). Integers beyond 2^53 are rounded: use json_root(text) and json_path() where they
 * matter. The caller owns *ret (cJSON_Delete).
 */
enum error json_parse_object(struct slice text, cJSON **ret, struct fault *fault);

/* Exact over all 64 bits, which cJSON's doubles are not. */
void json_add_int(cJSON *object, const char *name, int64_t value);
void json_add_uint(cJSON *object, const char *name, uint64_t value);
/* At most `decimals` digits after the point, without trailing zeros; NaN and infinity: null. */
void json_add_number(cJSON *object, const char *name, double value, int decimals);
/* Bytes that are not UTF-8 become U+FFFD; a NUL becomes \u0000. */
void json_add_slice(cJSON *object, const char *name, struct slice text);
/* As json_add_slice(), at the end of an array. */
void json_append_slice(cJSON *array, struct slice text);
/* The text, or null where it is NULL or empty. */
void json_add_text(cJSON *object, const char *name, const char *text);
/* As json_add_number() and json_add_int(); below zero stands for "not known": null. */
void json_add_known(cJSON *object, const char *name, double value, int decimals);
void json_add_count(cJSON *object, const char *name, int64_t value);
/* "2026-11-24T05:45:18.123Z", or null for a negative time or one after the year 9999. */
void json_add_time(cJSON *object, const char *name, int64_t wall_ms);
/* Appends the value without white space; strings as json_quote() writes them. */
void json_print(const cJSON *value, struct buf *out);
/* The same for values of any size: yields to other fibers (base/timeslice.h). Parks. */
void json_print_yielding(const cJSON *value, struct buf *out);

/* A member's text, "" if it has none; valid as long as the member. */
const char *json_member_text(const cJSON *object, const char *name);
/* Makes a member null, if there is one. `object` may be NULL. */
void json_member_clear(cJSON *object, const char *name);

#endif
