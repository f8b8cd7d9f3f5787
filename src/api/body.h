/* SPDX-License-Identifier: MIT */
/*
 * Reads JSON bodies by a table of their members, so that all routes refuse unknown members with the
 * same message, and numbers beyond 2^53 stay exact.
 *
 * `null` counts as absent. An empty string or list is refused where the member selects something.
 */
#ifndef CW_API_BODY_H
#define CW_API_BODY_H

#include "text/json.h"

enum body_kind {
	BODY_BOOL,   /* bool */
	BODY_INT,    /* int64_t, within min..max */
	BODY_NUMBER, /* double, at least min */
	BODY_STRING, /* struct slice, the caller frees it by mem_free(); at most max bytes */
	BODY_LIST,   /* struct body_list of strings; at most max elements */
	/* Both: with min 0 an empty one counts as absent, with min 1 it is refused. */
	BODY_OBJECT, /* struct json_value */
	BODY_ARRAY,  /* struct json_value */
	BODY_LATER,  /* not supported by this version yet: refused if present */
};

/* Decoded strings; body_list_release() frees them. A zeroed list is empty. */
struct body_list {
	struct slice *items;
	size_t count;
};

struct body_member {
	const char *name;
	enum body_kind kind;
	void *target;
	int64_t min, max;
};

/*
 * Called for a member that is not in the table. OK: it was read. ERR_NOT_FOUND: it is unknown, too,
 * and the fault will name it.
 */
typedef enum error body_other(
	void *context, struct slice name, struct json_value value, struct fault *fault);

struct body_table {
	const struct body_member *members;
	size_t count;
	body_other *other; /* NULL = none */
	void *context;
	const char *at; /* pointer of the object within the body; NULL = the body itself */
};

enum { BODY_POINTER_BYTES = 96, BODY_NOTE_BYTES = 200 };

/* The pointer of a member of the object at pointer `at`, escaped; a long name is cut. */
void body_point(char ret[BODY_POINTER_BYTES], const char *at, struct slice name);
/* Appends the decoded name. */
void body_name(const struct json_iter *it, struct buf *ret);

/*
 * Reads `text`, one JSON object (an empty text counts as {}). ERR_BAD_JSON or ERR_BAD_BODY, with
 * the member's pointer and what was expected. The targets must be released after an error, too.
 */
enum error body_parse(struct slice text, const struct body_table *table, struct fault *fault);
/* The same for an object within a checked text; the table's `at` is its pointer. */
enum error body_read(struct json_value object, const struct body_table *table, struct fault *fault);

/* The body of a route whose only member is `note`; the caller frees *ret by mem_free(). */
enum error body_note_only(struct slice text, struct slice *ret, struct fault *fault);

/* A string's decoded bytes, never empty: else ERR_BAD_BODY at `pointer`. The caller frees them. */
enum error body_string(struct json_value value, const char *pointer, int64_t max, struct slice *ret,
	struct fault *fault);
/* As body_string(), or an integer of any number of digits, as text. */
enum error body_id(
	struct json_value value, const char *pointer, struct slice *ret, struct fault *fault);
/* A list of such strings, or of ids where `integers`; at most `max`, at least one. */
enum error body_strings(struct json_value value, const char *pointer, bool integers, int64_t max,
	struct body_list *ret, struct fault *fault);
void body_list_release(struct body_list *list);

#endif
